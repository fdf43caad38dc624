// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// Paths as people write them.
package enum UserPath {
  /// `text` as an absolute path. A `~` that is the first part is the user's home, also where no shell has seen it: in
  /// files, and in environments of services. Relative paths count from the working directory.
  package static func absolute(_ text: String, userHome: FilePath, workingDirectory: FilePath) -> FilePath {
    if text == "~" { return userHome }
    if text.hasPrefix("~/") { return userHome.pushing(FilePath(String(text.drop { $0 == "~" || $0 == "/" }))) }
    return workingDirectory.pushing(FilePath(text))
  }
}

// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Folders of the daemon that other users have no business in.
enum PrivateFolder {
  /// Creates the folder and those above it unless they are there; a new one has mode 0700.
  static func create(_ path: FilePath) throws(DaemonError) {
    do {
      try FileManager.default.createDirectory(
        atPath: path.string, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw DaemonError(message: "\(path) can't be created: \(error)")
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// Bytes in a folder that need not be a store's.
package enum FolderSize {
  /// A file with several names counts once; 0 when there is no such folder.
  package static func of(_ folder: FilePath) async throws -> Int64 {
    try await onDisk { Folder.diskUsage(folder) }
  }
}

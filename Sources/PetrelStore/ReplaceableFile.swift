// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// A small file of another room that must be whole at every moment: read at once, replaced in one step.
package struct ReplaceableFile: Sendable {
  private static let maximumSize = 64 * 1024 * 1024

  package let path: FilePath

  package init(_ path: FilePath) { self.path = path }

  /// Nil when there is none. Blocks the thread.
  package func read() throws -> [UInt8]? {
    try FileContents.readIfPresent(path, limit: Self.maximumSize)
  }

  /// Returns when the new content is on the disk. After a crash there is the old or the new one.
  package func replace(with bytes: [UInt8]) async throws {
    try await onDisk { [path] in try FileContents.replace(path, with: bytes) }
  }

  /// Moves the file out of the way, under the same name with `suffix`. Blocks the thread.
  package func setAside(suffix: String) throws {
    try PlatformFile.rename(path, to: FilePath(path.string + suffix))
  }
}

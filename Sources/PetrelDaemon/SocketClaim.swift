// SPDX-License-Identifier: Apache-2.0

import PetrelStore
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A daemon's claim on the path of its Unix socket.
///
/// Binding replaces a socket's file, live or not, so a second daemon would silently take over the first one's. A lock
/// beside the socket tells a live daemon from the leftover of a dead one.
struct SocketClaim: Sendable {
  /// `sun_path` holds 104 bytes on macOS and 108 on Linux, its end mark included.
  static let maximumPathLength = 103

  private let path: FilePath
  private let lock: FileLock

  init(_ path: FilePath) throws {
    guard path.string.utf8.count <= Self.maximumPathLength else {
      throw DaemonError(
        message:
          "the socket's path \(path) is longer than \(Self.maximumPathLength) bytes; choose another with --socket")
    }
    // Neither when the socket is bound nor at the end may anything else be removed.
    let type = Self.type(of: path)
    guard type == nil || type == .typeSocket else {
      throw DaemonError(message: "\(path) is there and is no socket; choose another path with --socket")
    }
    try PrivateFolder.create(path.removingLastComponent())
    guard let lock = try FileLock.acquireIfFree(FilePath(path.string + ".lock")) else {
      throw DaemonError(message: "another petrel daemon listens on \(path) already; stop it or choose another --socket")
    }
    self.path = path
    self.lock = lock
    removeSocket()
  }

  /// Keeps other users out, whatever the mode of the folder and the umask are.
  func restrict() throws {
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path.string)
  }

  /// Removes the socket's file; the claim goes with the last copy of this value.
  func removeSocket() {
    guard Self.type(of: path) == .typeSocket else { return }
    try? FileManager.default.removeItem(atPath: path.string)
  }

  /// Nil when nothing is there. Links are not followed.
  private static func type(of path: FilePath) -> FileAttributeType? {
    try? FileManager.default.attributesOfItem(atPath: path.string)[.type] as? FileAttributeType
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelStore
import SystemPackage

/// A daemon's claim on its folder of running engines: two daemons would take each other's for orphans.
struct RunDirectoryClaim: Sendable {
  private let lock: FileLock

  init(_ directory: FilePath) throws {
    let longestSocket = directory.appending("9999999.sock")
    guard longestSocket.string.utf8.count <= SocketClaim.maximumPathLength else {
      throw DaemonError(
        message: "the path \(directory) is too long for the sockets of engines; choose another PETREL_HOME")
    }
    try PrivateFolder.create(directory)
    guard let lock = try FileLock.acquireIfFree(FilePath(directory.string + ".lock")) else {
      throw DaemonError(
        message: "another petrel daemon uses \(directory.removingLastComponent()) already; stop it, or set PETREL_HOME")
    }
    self.lock = lock
  }
}

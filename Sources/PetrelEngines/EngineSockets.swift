// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The sockets of a daemon's engines in a folder of the daemon's own.
struct EngineSockets: Sendable {
  let directory: FilePath

  /// Where an engine's socket is going to be; nothing is there.
  ///
  /// - Parameters:
  ///   - slot: a number that no other engine of this daemon has.
  ///   - isConfined: whether the socket has a folder to itself, the only one that its engine may write to.
  func makeWay(_ slot: UInt64, isConfined: Bool) throws(EngineError) -> FilePath {
    let shared = directory.appending("\(slot).sock")
    let folder = directory.appending("\(slot)")
    for path in [shared, folder] { try? FileManager.default.removeItem(atPath: path.string) }
    guard isConfined else { return shared }
    do {
      try FileManager.default.createDirectory(
        atPath: folder.string, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw EngineError(.launchFailed, "unable to start llama.cpp: \(folder) can't be created: \(error)")
    }
    return folder.appending("e.sock")
  }

  /// Removes a socket, and its folder if it has one to itself.
  func remove(_ socket: FilePath) {
    let folder = socket.removingLastComponent()
    try? FileManager.default.removeItem(atPath: (folder == directory ? socket : folder).string)
  }

  /// Removes what a daemon that was killed has left.
  func sweep() {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? [] {
      let slot = name.hasSuffix(".sock") ? name.dropLast(".sock".count) : name[...]
      guard UInt64(slot) != nil else { continue }
      try? FileManager.default.removeItem(atPath: directory.appending(name).string)
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelProcess
import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif
#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The daemon of one `PETREL_HOME` as a process of this machine, so that a command can end it.
package struct DaemonProcess: Sendable {
  private let identity: ProcessIdentity

  package var pid: Int32 { identity.pid }

  /// Whether it still runs: a later process with the same number is another.
  package var isRunning: Bool { identity.isRunning }

  /// The daemon that runs; nil when there is none, however the last one ended.
  package static func find(home: FilePath) -> DaemonProcess? {
    guard let bytes = FileManager.default.contents(atPath: path(home).string),
      let identity = try? JSONDecoder().decode(ProcessIdentity.self, from: bytes), identity.isRunning
    else { return nil }
    return DaemonProcess(identity: identity)
  }

  /// Asks it to end in order.
  package func terminate() {
    guard isRunning else { return }
    _ = kill(pid, SIGTERM)
  }

  /// Leaves a note of this process.
  static func note(home: FilePath) throws {
    guard let identity = ProcessIdentity(running: ProcessInfo.processInfo.processIdentifier) else { return }
    try JSONEncoder().encode(identity).write(to: URL(filePath: path(home).string), options: .atomic)
  }

  static func forget(home: FilePath) {
    try? FileManager.default.removeItem(atPath: path(home).string)
  }

  private static func path(_ home: FilePath) -> FilePath { home.appending("daemon.json") }
}

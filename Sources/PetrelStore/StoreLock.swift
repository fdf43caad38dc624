// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A daemon's claim on a store: two daemons must not work on one folder. Let go with the last reference.
package final class StoreLock: Sendable {
  private let lock: FileLock

  /// How long to wait for a daemon that is about to end.
  private static let patience = Duration.milliseconds(500)

  /// Throws ``StoreError`` (`busy`) that names the other daemon's process. May block the thread for half a second.
  package init(_ layout: StoreLayout) throws {
    guard let lock = try Self.acquire(layout.daemonLock) else {
      let pid = Self.owner(layout.daemonLock).map { " (pid \($0))" } ?? ""
      throw StoreError(
        .busy,
        "another petrel daemon\(pid) already uses the model store \(layout.root); stop it or choose another store")
    }
    self.lock = lock
    do {
      try lock.file.resize(to: 0)
      try lock.file.writeAll(toAbsoluteOffset: 0, "\(getpid())\n".utf8)
    } catch let error as Errno {
      throw StoreError(errno: error, "write \(layout.daemonLock)")
    }
  }

  private static func acquire(_ path: FilePath) throws -> FileLock? {
    let deadline = ContinuousClock.now + patience
    while true {
      if let lock = try FileLock.acquireIfFree(path) { return lock }
      guard .now < deadline else { return nil }
      usleep(10_000)
    }
  }

  private static func owner(_ path: FilePath) -> Int? {
    guard let bytes = try? FileContents.read(path, limit: 32) else { return nil }
    return Int(String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self))
  }
}

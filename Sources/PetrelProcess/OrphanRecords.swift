// SPDX-License-Identifier: Apache-2.0

import Logging
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A folder with a file for each running engine, so that a daemon that was killed leaves a trace of what it started.
package struct OrphanRecords: Sendable {
  private let directory: FilePath
  private let logger: Logger

  package init(directory: FilePath, logger: Logger) {
    self.directory = directory
    self.logger = logger
  }

  /// Notes a child. Does nothing when it has ended already.
  package func add(pid: Int32) throws {
    guard let identity = ProcessIdentity(running: pid) else { return }
    try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
    let bytes = try JSONEncoder().encode(identity)
    try bytes.write(to: URL(filePath: path(of: pid)), options: .atomic)
  }

  package func remove(pid: Int32) {
    try? FileManager.default.removeItem(atPath: path(of: pid))
  }

  /// Kills what an earlier daemon left running, and forgets it. Returns how many there were.
  @discardableResult
  package func sweep() -> Int {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
    var killed = 0
    for name in names {
      let path = directory.appending(name).string
      defer { try? FileManager.default.removeItem(atPath: path) }
      guard let bytes = FileManager.default.contents(atPath: path),
        let identity = try? JSONDecoder().decode(ProcessIdentity.self, from: bytes), identity.isRunning
      else { continue }
      identity.kill()
      killed += 1
      logger.notice("killed an engine that an earlier daemon left behind", metadata: ["pid": "\(identity.pid)"])
    }
    return killed
  }

  private func path(of pid: Int32) -> String { directory.appending("\(pid).json").string }
}

// SPDX-License-Identifier: Apache-2.0

import Synchronization
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The logs of one folder, read as one: the daemon's, and those of its engines.
package final class MergedLogs: Sendable {
  /// The daemon's own log.
  package static let service = "inference.log"

  private let directory: FilePath
  private let closed = Atomic(false)

  package init(directory: FilePath) { self.directory = directory }

  /// Reads from the beginning.
  ///
  /// - Parameter follow: whether to wait for new lines at the end.
  package func cursor(follow: Bool, withoutEngines: Bool) -> LogCursor {
    LogCursor(directory: directory, follow: follow, withoutEngines: withoutEngines) { [weak self] in
      self?.closed.load(ordering: .relaxed) ?? true
    }
  }

  /// Ends all that follow: the daemon is about to end.
  package func close() { closed.store(true, ordering: .relaxed) }
}

/// One reader of the logs.
package actor LogCursor {
  private static let batch = 64 * 1024
  private static let poll = Duration.milliseconds(200)

  private let directory: FilePath
  private let follow: Bool
  private let withoutEngines: Bool
  private let isClosed: @Sendable () -> Bool
  private var files: [String: LogFile] = [:]

  init(directory: FilePath, follow: Bool, withoutEngines: Bool, isClosed: @escaping @Sendable () -> Bool) {
    self.directory = directory
    self.follow = follow
    self.withoutEngines = withoutEngines
    self.isClosed = isClosed
  }

  deinit {
    for file in files.values { file.close() }
  }

  /// The next lines, by time, the daemon's before an engine's of the same moment; nil at the end, which those that follow
  /// reach when they are cancelled or the logs are closed. A line without a time comes when it is met.
  package func next() async -> [UInt8]? {
    while !Task.isCancelled {
      openNew()
      let lines = merge()
      if !lines.isEmpty { return lines }
      guard follow, !isClosed() else { return nil }
      try? await Task.sleep(for: Self.poll)
    }
    return nil
  }

  private func openNew() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
    for name in names where files[name] == nil {
      let isEngine = name.hasPrefix("llama.cpp-") && name.hasSuffix(".log")
      guard name == MergedLogs.service || (isEngine && !withoutEngines) else { continue }
      files[name] = LogFile(directory.appending(name))
    }
  }

  private func merge() -> [UInt8] {
    var output: [UInt8] = []
    // The daemon's log first, so that it wins when times are equal.
    let names = files.keys.sorted { ($0 == MergedLogs.service ? "" : $0) < ($1 == MergedLogs.service ? "" : $1) }
    var heads: [(name: String, line: ArraySlice<UInt8>)] = names.compactMap { name in
      files[name]?.peek(atEnd: !follow).map { (name, $0) }
    }
    while output.count < Self.batch, !heads.isEmpty {
      var first = 0
      for index in heads.indices.dropFirst() where Self.precedes(heads[index].line, heads[first].line) { first = index }
      let (name, line) = heads[first]
      output += line
      if line.last != 0x0A { output.append(0x0A) }
      files[name]?.drop(line)
      if let next = files[name]?.peek(atEnd: !follow) {
        heads[first].line = next
      } else {
        heads.remove(at: first)
      }
    }
    return output
  }

  private static func precedes(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool {
    guard LogTimestamp.isMark(right) else { return false }
    guard LogTimestamp.isMark(left) else { return true }
    return left.prefix(LogTimestamp.length).lexicographicallyPrecedes(right.prefix(LogTimestamp.length))
  }
}

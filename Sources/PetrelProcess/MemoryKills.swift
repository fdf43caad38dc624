// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// Whether the system has ended processes because memory ran out. Knows nothing where there are no control groups.
struct MemoryKills: Sendable, Equatable {
  /// Processes of our control group that were ended for memory, since it began.
  private let count: Int?

  /// As of now.
  init() { count = Self.counted() }

  init(count: Int?) { self.count = count }

  /// Whether there has been another one since `earlier`, or the kernel's log has one of `pid`.
  func isMore(than earlier: MemoryKills, pid: Int32) -> Bool {
    if let count, let before = earlier.count, count > before { return true }
    return Self.kernelTells(of: pid)
  }

  #if canImport(Darwin)
    private static func counted() -> Int? { nil }
    private static func kernelTells(of pid: Int32) -> Bool { false }
  #else
    private static func counted() -> Int? {
      let groups = text("/proc/self/cgroup")
      for line in groups.split(separator: "\n") {
        let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { continue }
        // Version 1 has a hierarchy for memory, version 2 one for all. In a container the group may be the root of what
        // is mounted.
        let isFirst = parts[1].split(separator: ",").contains("memory")
        guard isFirst || (parts[0] == "0" && parts[1].isEmpty) else { continue }
        let (root, file) =
          isFirst ? ("/sys/fs/cgroup/memory", "memory.oom_control") : ("/sys/fs/cgroup", "memory.events")
        for folder in [root + parts[2], root] {
          if let count = kills(in: text("\(folder)/\(file)")) { return count }
        }
      }
      return nil
    }

    /// The kernel's log, where we may read it: reading gives one message each, and an error when there is no more.
    private static func kernelTells(of pid: Int32) -> Bool {
      guard let log = try? FileDescriptor.open("/dev/kmsg", .readOnly, options: [.nonBlocking, .closeOnExec]) else {
        return false
      }
      defer { try? log.close() }
      var message = [UInt8](repeating: 0, count: 8192)
      var last = ""
      // Older messages may be overwritten while we read; that is an error too, and the next read goes on.
      for _ in 0..<65_536 {
        do {
          let count = try message.withUnsafeMutableBytes { try log.read(into: $0) }
          if count == 0 { break }
          let text = String(decoding: message[..<count], as: UTF8.self)
          if text.contains("Killed process ") { last = text }
        } catch Errno.brokenPipe {
          continue
        } catch {
          break
        }
      }
      return last.contains("Killed process \(pid) ")
    }

    private static func text(_ path: String) -> String {
      guard let file = try? FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec) else { return "" }
      defer { try? file.close() }
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = (try? bytes.withUnsafeMutableBytes { try file.read(into: $0) }) ?? 0
      return String(decoding: bytes[..<count], as: UTF8.self)
    }
  #endif

  /// The number after `oom_kill` in `memory.events` or `memory.oom_control`.
  static func kills(in text: String) -> Int? {
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, words[0] == "oom_kill" { return Int(words[1]) }
    }
    return nil
  }
}

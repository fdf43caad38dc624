// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// Memory that a process and its children have at the moment. Pages that several processes share count in parts, so that
/// sums are right. Bytes.
package struct ProcessMemory: Sendable, Hashable {
  /// Nobody else has these pages, and they have no file behind them.
  package var anonymous: Int64
  /// Pages of mapped files: weights, mostly. The system counts them as available although the process needs them.
  package var files: Int64

  package init(anonymous: Int64, files: Int64) {
    self.anonymous = anonymous
    self.files = files
  }

  package var total: Int64 { anonymous + files }

  /// Nil when there is no such process, or it belongs to somebody else.
  package static func of(_ pid: Int32) -> ProcessMemory? {
    #if canImport(Darwin)
      darwin(pid)
    #else
      linux(pid, depth: 0)
    #endif
  }

  private static func linux(_ pid: Int32, depth: Int) -> ProcessMemory? {
    let folder = FilePath("/proc/\(pid)")
    guard var memory = shares(folder) ?? residents(folder) else { return nil }
    // A sandbox stands between the daemon and the engine.
    let children = KernelFile.text(folder.appending("task/\(pid)/children")) ?? ""
    for child in children.split(separator: " ").compactMap({ Int32($0) }) where depth < 4 {
      guard let more = linux(child, depth: depth + 1) else { continue }
      memory.anonymous += more.anonymous
      memory.files += more.files
    }
    return memory
  }

  private static func shares(_ folder: FilePath) -> ProcessMemory? {
    let table = KernelFile.table(folder.appending("smaps_rollup"))
    guard let anonymous = table["Pss_Anon"], let files = table["Pss_File"] else { return nil }
    return ProcessMemory(anonymous: (anonymous + (table["Pss_Shmem"] ?? 0)) << 10, files: files << 10)
  }

  private static func residents(_ folder: FilePath) -> ProcessMemory? {
    let table = KernelFile.table(folder.appending("status"))
    guard let anonymous = table["RssAnon"], let files = table["RssFile"] else { return nil }
    return ProcessMemory(anonymous: (anonymous + (table["RssShmem"] ?? 0)) << 10, files: files << 10)
  }
}

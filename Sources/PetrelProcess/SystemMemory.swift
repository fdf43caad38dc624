// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// The memory of the machine, or of the part of it that this process may use. Bytes.
package struct SystemMemory: Sendable, Hashable {
  package var total: Int64
  /// What can be had without swapping. File pages count as free: the kernel drops them when it needs to.
  package var available: Int64

  package init(total: Int64, available: Int64) {
    self.total = total
    self.available = available
  }

  /// Nil when the system does not tell.
  package static var current: SystemMemory? {
    #if canImport(Darwin)
      darwin
    #else
      linux(proc: "/proc", cgroups: "/sys/fs/cgroup")
    #endif
  }

  /// The machine's memory, or that of the narrowest control group that this process is in. Sources: proc(5); the kernel's
  /// documents on control groups, versions 1 and 2.
  ///
  /// - Parameters:
  ///   - proc: where procfs is mounted.
  ///   - cgroups: where the control groups are mounted.
  static func linux(proc: FilePath, cgroups: FilePath) -> SystemMemory? {
    let table = KernelFile.table(proc.appending("meminfo"))
    guard let total = table["MemTotal"], let available = table["MemAvailable"] else { return nil }
    var memory = SystemMemory(total: total << 10, available: available << 10)
    for group in ControlGroup.ofThisProcess(proc: proc, cgroups: cgroups) {
      guard let limit = group.limit, let used = group.used else { continue }
      memory.total = min(memory.total, limit)
      memory.available = min(memory.available, max(0, limit - max(0, used - group.files)))
    }
    return memory
  }
}

/// A control group's account of memory. Bytes.
private struct ControlGroup {
  /// Numbers as large as this stand for no limit.
  private static let noLimit: Int64 = 1 << 60

  var limit: Int64?
  var used: Int64?
  /// File pages among what is used.
  var files: Int64

  /// The groups from that of this process up to the root. Inside a container the path may be one of the host's, which is
  /// not there: then the mount itself is the group.
  static func ofThisProcess(proc: FilePath, cgroups: FilePath) -> [ControlGroup] {
    guard let text = KernelFile.text(proc.appending("self/cgroup")) else { return [] }
    return text.split(separator: "\n").flatMap { line -> [ControlGroup] in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { return [] }
      let path = String(fields[2])
      if fields[0] == "0", fields[1].isEmpty { return folders(cgroups, path).map(version2) }
      if fields[1].split(separator: ",").contains("memory") {
        return folders(cgroups.appending("memory"), path).map(version1)
      }
      return []
    }
  }

  private static func folders(_ root: FilePath, _ path: String) -> [FilePath] {
    var folders = [root]
    for component in FilePath(path).components where component.kind == .regular {
      folders.append(folders[folders.count - 1].appending(component))
    }
    return folders
  }

  private static func version1(_ folder: FilePath) -> ControlGroup {
    let stat = KernelFile.table(folder.appending("memory.stat"))
    return ControlGroup(
      limit: limit(folder.appending("memory.limit_in_bytes")),
      used: KernelFile.number(folder.appending("memory.usage_in_bytes")),
      files: (stat["total_active_file"] ?? 0) + (stat["total_inactive_file"] ?? 0))
  }

  private static func version2(_ folder: FilePath) -> ControlGroup {
    let stat = KernelFile.table(folder.appending("memory.stat"))
    return ControlGroup(
      limit: limit(folder.appending("memory.max")), used: KernelFile.number(folder.appending("memory.current")),
      files: (stat["active_file"] ?? 0) + (stat["inactive_file"] ?? 0))
  }

  private static func limit(_ path: FilePath) -> Int64? {
    KernelFile.number(path).flatMap { $0 < noLimit ? $0 : nil }
  }
}

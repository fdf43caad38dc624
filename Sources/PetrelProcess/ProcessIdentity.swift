// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A process told apart from later ones that got the same number.
package struct ProcessIdentity: Codable, Hashable, Sendable {
  package let pid: Int32
  /// When it started, in the kernel's own words: only equality means something.
  package let started: String

  package init(pid: Int32, started: String) {
    self.pid = pid
    self.started = started
  }

  /// The process that has this number now; nil when there is none.
  package init?(running pid: Int32) {
    guard pid > 1, let started = Self.startTime(of: pid) else { return nil }
    self.init(pid: pid, started: started)
  }

  package var isRunning: Bool { Self.startTime(of: pid) == started }

  /// Kills the process with its group. Nothing happens when it is not running any more.
  package func kill() {
    // Group 1, as a damaged record could name it, would be every process of this user.
    guard pid > 1, isRunning else { return }
    #if canImport(Darwin)
      _ = Darwin.kill(-pid, SIGKILL)
    #elseif canImport(Glibc)
      _ = Glibc.kill(-pid, SIGKILL)
    #elseif canImport(Musl)
      _ = Musl.kill(-pid, SIGKILL)
    #endif
  }

  /// Asks this process alone to end (SIGTERM). Nothing happens when it is not running any more.
  package func terminate() {
    guard pid > 1, isRunning else { return }
    #if canImport(Darwin)
      _ = Darwin.kill(pid, SIGTERM)
    #elseif canImport(Glibc)
      _ = Glibc.kill(pid, SIGTERM)
    #elseif canImport(Musl)
      _ = Musl.kill(pid, SIGTERM)
    #endif
  }

  #if canImport(Darwin)
    private static func startTime(of pid: Int32) -> String? {
      var info = proc_bsdinfo()
      let size = Int32(MemoryLayout<proc_bsdinfo>.size)
      guard proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, size) == size else { return nil }
      return "\(info.pbi_start_tvsec).\(info.pbi_start_tvusec)"
    }
  #else
    /// Field 22 of `/proc/<pid>/stat`: clock ticks since boot. Source: proc_pid_stat(5).
    private static func startTime(of pid: Int32) -> String? {
      guard let file = fopen("/proc/\(pid)/stat", "r") else { return nil }
      defer { fclose(file) }
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = fread(&bytes, 1, bytes.count, file)
      let text = String(decoding: bytes[..<count], as: UTF8.self)
      // The name, field 2, is in parentheses and may hold anything.
      guard let end = text.lastIndex(of: ")") else { return nil }
      let fields = text[text.index(after: end)...].split(separator: " ")
      // A zombie has ended: only its parent has not asked yet.
      guard fields.count > 19, fields[0] != "Z" else { return nil }
      return String(fields[19])
    }
  #endif
}

// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a process takes of the machine.
struct ProcessFigures: Sendable {
  /// Bytes.
  var residentMemory: Int64

  /// - Parameter withChildren: count what the process has started as well, where the system tells.
  /// - Returns: nil when the process is gone, or the system does not tell of others.
  init?(of pid: Int32, withChildren: Bool) {
    #if canImport(Darwin)
      var info = rusage_info_v2()
      let result = withUnsafeMutablePointer(to: &info) { pointer in
        pointer.withMemoryRebound(to: rusage_info_t?.self, capacity: 1) {
          proc_pid_rusage(pid, RUSAGE_INFO_V2, $0)
        }
      }
      guard result == 0 else { return nil }
      residentMemory = Int64(info.ri_resident_size)
    #else
      guard let memory = Self.residentMemory(of: pid, depth: withChildren ? 0 : 4) else { return nil }
      residentMemory = memory
    #endif
  }

  /// Seconds of processor time that this process has taken, in user mode and in the kernel.
  static var ownProcessorTime: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  #if !canImport(Darwin)
    /// With that of its children: a sandbox may stand between the daemon and the engine.
    private static func residentMemory(of pid: Int32, depth: Int) -> Int64? {
      // proc(5): the second number of statm is the resident size in pages.
      guard let words = Self.words(of: "/proc/\(pid)/statm"), words.count > 1, let pages = Int64(words[1]) else {
        return nil
      }
      var memory = pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
      guard depth < 4 else { return memory }
      for child in Self.words(of: "/proc/\(pid)/task/\(pid)/children") ?? [] {
        guard let child = Int32(child) else { continue }
        memory += residentMemory(of: child, depth: depth + 1) ?? 0
      }
      return memory
    }

    private static func words(of path: String) -> [Substring]? {
      guard let file = try? FileDescriptor.open(FilePath(path), .readOnly) else { return nil }
      defer { try? file.close() }
      var bytes = [UInt8](repeating: 0, count: 4096)
      guard let count = try? bytes.withUnsafeMutableBytes({ try file.read(into: $0) }) else { return nil }
      return String(decoding: bytes[..<count], as: UTF8.self).split { $0 == " " || $0 == "\n" }
    }
  #endif
}

// SPDX-License-Identifier: Apache-2.0

import Subprocess

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The processes of this machine.
enum Processes {
  static func send(_ signal: Signal, to pid: Int32) { _ = kill(pid, signal.rawValue) }

  static func isAlive(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }

  /// IDs of those whose command line contains `text`.
  static func running(_ text: String) async throws -> [Int32] {
    let list = try await Program.run(
      "ps", ["-A", "-ww", "-o", "pid=,args="], environment: ["PATH": "/usr/bin:/bin"])
    return list.output.split(separator: "\n").filter { $0.contains(text) }.compactMap { line in
      line.split(separator: " ").first.flatMap { Int32($0) }
    }
  }
}

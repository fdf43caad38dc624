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
  ///
  /// - Parameter program: whether one with this program counts.
  static func running(_ text: String, where program: (Substring) -> Bool = { _ in true }) async throws -> [Int32] {
    let list = try await Program.run(
      "ps", ["-A", "-ww", "-o", "pid=,args="], environment: ["PATH": "/usr/bin:/bin"])
    return list.output.split(separator: "\n").filter { $0.contains(text) }.compactMap { line in
      let words = line.split(separator: " ", maxSplits: 2)
      return words.count > 1 && program(words[1]) ? Int32(words[0]) : nil
    }
  }

  /// Whether bubblewrap is installed and this machine lets it make namespaces.
  static func canBeConfined() async -> Bool {
    let trial = [
      "--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--cap-drop", "ALL",
      "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "true",
    ]
    return (try? await Program.run("bwrap", trial, environment: ["PATH": "/usr/bin:/bin"]))?.status == 0
  }
}

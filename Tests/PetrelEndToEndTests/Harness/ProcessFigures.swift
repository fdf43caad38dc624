// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing

#if os(Linux)
  import Foundation

  extension Daemon {
    /// Descriptors that the daemon has open.
    func openFiles() throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count
    }

    /// Memory of its own, without files that it has mapped; KiB. Source: proc_pid_status(5).
    func ownMemory() throws -> Int {
      let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
      let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
      return try #require(line?.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    }
  }
#endif

extension Daemon {
  /// Waits until no request holds a place at an engine.
  func idle() async throws {
    try await eventually("no request is left") {
      try await curl("/engines/ps").json.elements.allSatisfy { $0["in_use"] == .null }
    }
  }

  /// What `path` of an engine's own API gives. Engines are numbered from 1 in the order of their starts.
  func engine(_ number: Int = 1, _ path: String) async throws -> String {
    let names = ["run/\(number)/e.sock", "run/\(number).sock"]
    let socket = try #require(names.first { scratch.exists($0) }, "engine \(number) has a socket")
    let answer = try await scratch.run(
      "curl", ["-sS", "--unix-socket", scratch.home.appending(socket).string, "http://localhost\(path)"])
    return answer.output
  }

  /// A figure of an engine's own metrics.
  func engineMetric(_ name: String, engine number: Int = 1) async throws -> Double? {
    let lines = try await engine(number, "/metrics").split(separator: "\n")
    return lines.first { $0.hasPrefix("llamacpp:\(name) ") }?.split(separator: " ").last.flatMap { Double($0) }
  }
}

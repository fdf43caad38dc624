// SPDX-License-Identifier: Apache-2.0

import Foundation
import Subprocess
import SystemPackage
import Testing

extension EndToEnd {
  /// What an engine can and can't do inside bubblewrap.
  @Suite(.enabled("bubblewrap works on this machine") { await Processes.canBeConfined() })
  struct SandboxTests {
    /// Loads the demo model and calls `body` with the engine's number.
    private func withEngine(
      in scratch: Scratch, environment: [String: String] = [:], status: Int32 = 0,
      _ body: @Sendable (Daemon, Int32) async throws -> Void
    ) async throws {
      try await Daemon.with(in: scratch, environment: environment, status: status) { daemon in
        try await daemon.packageDemoModel()
        #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
        let runners = try await daemon.curl("/engines/ps").json
        let engine = try #require(runners[0]["pid"].number.map { Int32($0) })
        #expect(try await scratch.engines() == [engine])
        try await body(daemon, engine)
      }
    }

    @Test func engineSeesItsModelAndLittleElse() async throws {
      try await Scratch.with { scratch in
        try scratch.write("secret", to: "home/secret")
        try await withEngine(in: scratch) { daemon, engine in
          let root = "/proc/\(engine)/root"
          let manager = FileManager.default
          #expect(!manager.fileExists(atPath: root + scratch.folder.appending("home/secret").string))
          #expect(!manager.fileExists(atPath: root + scratch.home.appending("config.yaml").string))
          #expect(!manager.fileExists(atPath: root + "/etc/passwd"))
          #expect(try manager.contentsOfDirectory(atPath: root + scratch.home.string) == ["run"])
          #expect(try manager.contentsOfDirectory(atPath: root + scratch.home.appending("run").string) == ["1"])
          let weights = try #require(
            manager.subpaths(atPath: root + scratch.models.string)?.first { $0.hasSuffix(".gguf") })
          #expect(mount(of: scratch.models.appending(weights), engine)?.contains("ro") == true)
          #expect(mount(of: scratch.home.appending("run/1/e.sock"), engine)?.contains("rw") == true)
          #expect(mount(of: "/tmp/x", engine)?.contains("rw") == true)
          #expect(mount(of: "/usr/bin", engine)?.contains("ro") == true)
          #expect(mount(of: "/x", engine)?.contains("ro") == true)
        }
      }
    }

    @Test func engineHasNoNetworkNoCapabilitiesAndNoTerminal() async throws {
      try await Scratch.with { scratch in
        try await withEngine(in: scratch) { daemon, engine in
          let devices = try text("/proc/\(engine)/net/dev").split(separator: "\n").dropFirst(2)
          #expect(devices.map { $0.split(separator: ":")[0].trimmingCharacters(in: .whitespaces) } == ["lo"])
          let status = try text("/proc/\(engine)/status")
          #expect(status.contains("CapEff:\t0000000000000000"))
          // Its number within, at the end of the list, is not the one outside.
          let numbers = try #require(status.split(separator: "\n").first { $0.hasPrefix("NSpid:") })
          #expect(numbers.split(separator: "\t").count > 2)
          // Field 7: the terminal; 0 is none.
          #expect(try text("/proc/\(engine)/stat").split(separator: ") ")[1].split(separator: " ")[4] == "0")
          let names = try text("/proc/\(engine)/environ").split(separator: "\0")
          #expect(names.contains("HOME=/tmp"))
        }
      }
    }

    @Test func engineEndsWithADaemonThatIsKilled() async throws {
      try await Scratch.with { scratch in
        try await withEngine(in: scratch, status: 137) { daemon, engine in
          Processes.send(.kill, to: daemon.pid)
          try await eventually("the engine is gone") { try await scratch.engines().isEmpty }
          try await eventually("its sandbox is gone") {
            try await Processes.running(scratch.home.appending("run").string).isEmpty
          }
        }
        try await withEngine(in: scratch) { _, _ in }
      }
    }

    @Test func engineThatIsKilledIsToldByItsSignal() async throws {
      try await Scratch.with { scratch in
        try await withEngine(in: scratch) { daemon, engine in
          Processes.send(.kill, to: engine)
          try await eventually("its end is noticed") { daemon.log.contains("signal 9") }
          #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
        }
      }
    }

    @Test func statusSaysWhetherEnginesAreConfined() async throws {
      try await Scratch.with { scratch in
        try await Daemon.with(in: scratch) { daemon in
          let status = try await daemon.curl("/engines/status").json["llama.cpp"].string
          #expect(try #require(status).contains(", sandboxed by bubblewrap"))
          #expect(try await daemon.petrel("status").output.contains("sandboxed by bubblewrap"))
        }
        try await withEngine(in: scratch, environment: ["PETREL_SANDBOX": "off"]) { daemon, engine in
          let status = try await daemon.curl("/engines/status").json["llama.cpp"].string
          #expect(try #require(status).contains(", not sandboxed: switched off"))
          #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(engine)/root") == "/")
        }
      }
    }

    private func text(_ path: String) throws -> String {
      String(decoding: try #require(FileManager.default.contents(atPath: path)), as: UTF8.self)
    }

    /// The options of the mount that `path` is on for a process. Source: proc_pid_mountinfo(5).
    private func mount(of path: FilePath, _ pid: Int32) -> [Substring]? {
      let lines = (try? text("/proc/\(pid)/mountinfo").split(separator: "\n")) ?? []
      let mounts = lines.map { $0.split(separator: " ") }.filter { path.starts(with: FilePath(String($0[4]))) }
      // The last of those with the longest path is on top.
      let longest = mounts.map { $0[4].utf8.count }.max()
      return mounts.last { $0[4].utf8.count == longest }?[5].split(separator: ",")
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelProcess
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelEngines

@Suite struct SandboxTests {
  private let plan = ChildProcessPlan(
    executable: "/e/bin/llama-server", arguments: ["--model", "/m/x.gguf"],
    environment: ["HOME": "/home/me", "PATH": "/usr/bin"], workingDirectory: "/run/7")

  private func access(network: Bool = false) -> SandboxAccess {
    var access = SandboxAccess(home: "/home/me", writable: "/run/7")
    access.allow(folderOf: "/m/x.gguf")
    access.usesNetwork = network
    return access
  }

  /// Pairs of what follows `flag`.
  private func values(_ flag: String, _ arguments: [String]) -> [String] {
    arguments.indices.filter { arguments[$0] == flag }.map { arguments[$0 + 1] }
  }

  @Test func `Files are shown with their folders, but never a folder that holds the home`() {
    var access = SandboxAccess(home: "/home/me", writable: "/run/7")
    access.allow(folderOf: "/home/me/models/a/model.gguf")
    access.allow(folderOf: "/home/me/loose.gguf")
    access.allow(folderOf: "/loose.gguf")
    for path in ["/home", "/home/me", "/", "relative", "/home/me/lora.gguf"] { access.allow(FilePath(path)) }
    #expect(
      access.readableInOrder.map(\.string)
        == ["/loose.gguf", "/home/me/lora.gguf", "/home/me/loose.gguf", "/home/me/models/a"].sorted { first, second in
          let counts = [first, second].map { FilePath($0).components.count }
          return (counts[0], first) < (counts[1], second)
        })
  }

  @Test func `A program is shown with its libraries, also those of what a link leads to`() async throws {
    try await withTemporaryFolder { folder in
      let folder = Executable.realPath(folder)
      let real = folder.appending("cellar/bin/llama-server")
      try real.write("", mode: 0o755)
      try folder.appending("links/.keep").write("")
      let link = folder.appending("links/llama-server")
      try FileManager.default.createSymbolicLink(atPath: link.string, withDestinationPath: real.string)
      var access = SandboxAccess(home: nil)
      access.allow(program: link)
      #expect(
        access.readable == Set(["links", "cellar/bin", "cellar/lib", "cellar/lib64"].map { folder.appending($0) }))
    }
  }

  @Test func `Bubblewrap shuts out the network, other processes, the home and capabilities`() throws {
    let confined = Bubblewrap(program: "/usr/bin/bwrap", devices: []).confine(plan, access())
    let end = try #require(confined.arguments.firstIndex(of: "--"))
    let options = Array(confined.arguments[..<end])
    #expect(confined.executable == "/usr/bin/bwrap")
    #expect(confined.wrapper == "bwrap")
    #expect(confined.workingDirectory == nil)
    #expect(confined.environment == ["HOME": "/tmp", "TMPDIR": "/tmp", "PATH": "/usr/bin"])
    #expect(Array(confined.arguments[end...]) == ["--", "/e/bin/llama-server", "--model", "/m/x.gguf"])
    for flag in ["--unshare-net", "--unshare-pid", "--unshare-ipc", "--die-with-parent"] {
      #expect(options.contains(flag), "\(flag)")
    }
    #expect(values("--cap-drop", options) == ["ALL"])
    #expect(values("--tmpfs", options) == ["/tmp"])
    #expect(values("--bind", options) == ["/run/7"])
    #expect(values("--chdir", options) == ["/run/7"])
    #expect(values("--ro-bind-try", options).contains("/m"))
    let shown = values("--ro-bind-try", options)
    #expect(!shown.contains { ["/", "/home", "/home/me", "/root", "/etc", "/sys"].contains($0) })
    #expect(options.firstIndex(of: "--tmpfs") ?? 0 < options.firstIndex(of: "/m") ?? 0)
  }

  @Test func `An engine with remote workers has the network, and one with a GPU its device`() {
    let devices: [FilePath] = ["/dev/dri", "/dev/nvidia0"]
    let arguments = Bubblewrap(program: "/usr/bin/bwrap", devices: devices)
      .confine(plan, access(network: true)).arguments
    #expect(!arguments.contains("--unshare-net"))
    #expect(values("--dev-bind-try", arguments) == ["/dev/dri", "/dev/nvidia0"])
    #expect(values("--ro-bind-try", arguments).contains("/sys"))
    #expect(values("--ro-bind-try", arguments).contains("/etc/hosts"))
  }

  @Test func `Devices of GPUs are told from others by their names`() async throws {
    try await withTemporaryFolder { folder in
      for name in ["nvidia0", "nvidiactl", "kfd", "null", "sda", "dri/card0"] { try folder.appending(name).write("") }
      #expect(
        GPUDevices.present(in: folder) == ["dri", "kfd", "nvidia0", "nvidiactl"].map { folder.appending($0) })
    }
  }

  @Test func `The seatbelt profile denies first and allows what is named`() throws {
    let lines = SeatbeltProfile.text(access()).split(separator: "\n").map(String.init)
    #expect(lines.first == "(version 1)")
    #expect(lines.contains("(deny network*)"))
    #expect(lines.contains("(deny file-write*)"))
    let home = try #require(lines.firstIndex(of: #"(deny file-read* (subpath "/home/me"))"#))
    let model = try #require(lines.firstIndex(of: #"(allow file-read* (subpath "/m"))"#))
    #expect(home < model)
    #expect(lines.contains(#"(allow file-read* file-write* (subpath "/run/7"))"#))
    #expect(lines.contains(#"(allow network-bind network-inbound (subpath "/run/7"))"#))
    #expect(!SeatbeltProfile.text(access(network: true)).contains("(deny network*)"))
    let odd = SeatbeltProfile.text(SandboxAccess(home: #"/home/"m\e"#))
    #expect(odd.contains(#"(subpath "/home/\"m\\e")"#))
    let confined = SeatbeltProfile.confine(plan, access())
    #expect(confined.arguments.suffix(3) == ["/e/bin/llama-server", "--model", "/m/x.gguf"])
    #expect(confined.environment["HOME"] == "/run/7")
  }

  #if !canImport(Darwin)
    @Test func `Without bubblewrap engines run all the same, unless that was forbidden`() async throws {
      let sandbox = Sandbox(mode: .auto, environment: ["PATH": "/nowhere"])
      #expect(await sandbox.state == .unavailable("bubblewrap is not installed"))
      #expect(await sandbox.state.description == "not sandboxed: bubblewrap is not installed")
      #expect(try await !sandbox.isConfining())
      let strict = Sandbox(mode: .on, environment: ["PATH": "/nowhere"])
      let error = await #expect(throws: EngineError.self) { try await strict.isConfining() }
      #expect(error?.code == .launchFailed)
      #expect(error?.message.contains("bubblewrap is not installed") == true)
      let off = Sandbox(mode: .off, environment: ["PATH": "/usr/bin:/bin"])
      #expect(await off.state == .switchedOff)
      #expect(try await !off.isConfining())
    }

    @Test func `A bubblewrap that the kernel does not let work is told with its own words`() async throws {
      try await withTemporaryFolder { folder in
        let program = folder.appending("bwrap")
        try program.write("#!/bin/sh\necho 'bwrap: no namespaces here' >&2; exit 1\n", mode: 0o755)
        let sandbox = Sandbox(mode: .auto, environment: ["PATH": folder.string])
        #expect(
          await sandbox.state == .unavailable("bubblewrap does not work here (bwrap: no namespaces here)"))
        // Mended while the daemon runs.
        try program.write("#!/bin/sh\necho 'bubblewrap 9.9'\n", mode: 0o755)
        #expect(await sandbox.state == .active("bubblewrap 9.9"))
        #expect(await sandbox.confine(plan, access()).executable == program)
      }
    }
  #endif
}

// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension EndToEnd {
  /// Models of local files, in every form that llama.cpp can run.
  @Suite struct PackagingTests {
    /// A copy of the demo model's weights in the scratch folder.
    private func weights(_ name: String, _ scratch: Scratch) throws -> String {
      let path = scratch.folder.appending(name)
      try FileManager.default.createDirectory(
        atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: scratch.setup.weights, toPath: path.string)
      try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path.string)
      return path.string
    }

    private func expectAnswer(_ model: String, _ daemon: Daemon) async throws {
      let answer = try await daemon.petrel("run", model, "Say hello")
      #expect(answer.status == 0 && !answer.output.isEmpty, "\(model): \(answer.output)\(answer.errors)")
    }

    @Test func aFolderAndAModelPackRun() async throws {
      try await Daemon.with { daemon in
        let scratch = daemon.scratch
        let file = try weights("hf/demo.gguf", scratch)
        try Data("{}".utf8).write(to: URL(fileURLWithPath: scratch.folder.appending("hf/config.json").string))
        let folder = try await daemon.petrel(
          "package", "--safetensors-dir", scratch.folder.appending("hf").string, "--dir-tar", "nothing", "t/bad")
        #expect(folder.status == 1 && folder.errors.contains("nothing"))
        for arguments in [
          ["--safetensors-dir", scratch.folder.appending("hf").string, "t/folder"],
          ["--gguf", file, "--format", "cncf", "t/pack"],
        ] {
          let packaged = try await scratch.run(scratch.setup.petrel, ["package"] + arguments)
          #expect(packaged.status == 0, "\(packaged.errors)")
          try await expectAnswer(arguments[arguments.count - 1], daemon)
        }
      }
    }

    @Test func aVariantOfAnArchiveRuns() async throws {
      try await Daemon.with { daemon in
        let scratch = daemon.scratch
        let archive = scratch.folder.appending("demo.tar").string
        let file = try weights("demo.gguf", scratch)
        let packaged = try await daemon.petrel("package", "--gguf", file, "--output", archive)
        #expect(packaged.status == 0, "\(packaged.errors)")
        let loaded = try await daemon.petrel("load", archive, "t/loaded")
        #expect(loaded.status == 0 && loaded.output == "Loaded t/loaded\n", "\(loaded.errors)")
        let license = try scratch.write("MIT", to: "LICENSE").string
        let variant = try await daemon.petrel(
          "package", "--from", "t/loaded", "--license", license, "--context-size", "512", "t/variant")
        #expect(variant.status == 0, "\(variant.errors)")
        try await expectAnswer("t/variant", daemon)
        let second = scratch.folder.appending("second.tar").string
        #expect(try await daemon.petrel("export", "t/loaded", second).status == 0)
        #expect(FileManager.default.contentsEqual(atPath: archive, andPath: second))
      }
    }

    /// A linked file is the store's: it has the file's bytes even when the file's own name has gone.
    @Test func aLinkedFileIsSharedAndProtected() async throws {
      try await Daemon.with { daemon in
        let scratch = daemon.scratch
        let file = try weights("demo.gguf", scratch)
        let packaged = try await daemon.petrel("package", "--link", "--gguf", file, "t/linked")
        #expect(packaged.status == 0, "\(packaged.errors)")
        let blobs = scratch.files(below: "m/blobs").filter { !$0.hasSuffix(".incomplete") }
        #expect(blobs.count == 2)
        try FileManager.default.removeItem(atPath: file)
        try await expectAnswer("t/linked", daemon)
      }
    }

    @Test func anAdapterIsStoredAndSaidToBeOne() async throws {
      try await Daemon.with { daemon in
        func number(_ value: Int, _ count: Int) -> [UInt8] {
          (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        func text(_ text: String) -> [UInt8] { number(text.utf8.count, 8) + Array(text.utf8) }
        let pairs = [("general.architecture", "qwen3"), ("general.type", "adapter")]
        let header = Array("GGUF".utf8) + number(3, 4) + number(0, 8) + number(pairs.count, 8)
        let bytes = pairs.reduce(header) { $0 + text($1.0) + number(8, 4) + text($1.1) } + number(0, 64)
        let file = daemon.scratch.folder.appending("lora.gguf").string
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        let packaged = try await daemon.petrel("package", "--gguf", file, "t/lora")
        #expect(packaged.status == 0 && packaged.errors.contains("is a LoRA adapter for qwen3 models"))
        let run = try await daemon.petrel("run", "t/lora", "Say hello")
        #expect(run.status == 1 && run.errors.contains("is a LoRA adapter for qwen3 models"), "\(run.errors)")
      }
    }

    @Test func filesAreTakenOverTheSocketOnly() async throws {
      try await Daemon.with { daemon in
        let answer = try await daemon.curl("/models/adopt", body: "{}")
        #expect(answer.status == 403 && answer.body.contains("Unix socket only"))
        let local = try await daemon.curlSocket("/models/adopt", body: "{}")
        #expect(local.status == 400 && local.body.contains("invalid request body"), "\(local.body)")
      }
    }
  }
}

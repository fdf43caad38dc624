// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTestSupport
import Subprocess
import SystemPackage
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension EndToEnd {
  /// Models from Hugging Face, as a fake hub serves them, and from other programs on this machine.
  @Suite struct HubTests {
    @Test func pulledModelAnswers() async throws {
      try await withHub { scratch, hub, weights in
        hub.gate("Org/Demo-GGUF", tokens: ["hf_good"])
        try await Daemon.with(in: scratch, environment: ["HF_ENDPOINT": hub.endpoint]) { daemon in
          let refused = try await daemon.petrel("pull", "hf.co/Org/Demo-GGUF")
          #expect(refused.status == 1)
          #expect(refused.errors.contains("accept the terms at https://huggingface.co/Org/Demo-GGUF"))
          #expect(refused.errors.contains("HF_TOKEN"))

          let pulled = try await scratch.petrel(
            "pull", "hf.co/Org/Demo-GGUF:Q8_0", environment: ["HF_TOKEN": "hf_good"])
          #expect(pulled.status == 0, "\(pulled.errors)")
          let listed = try await daemon.petrel("list", "--json").json
          #expect(listed[0]["tags"][0].string == "huggingface.co/org/demo-gguf:Q8_0")
          #expect(try await daemon.petrel("run", "hf.co/Org/Demo-GGUF:Q8_0", "Say hello").output.contains("Hello"))

          let none = try await scratch.petrel(
            "pull", "hf.co/Org/Demo-GGUF:Q2_K", environment: ["HF_TOKEN": "hf_good"])
          #expect(none.status == 1)
          #expect(none.errors.contains("it has Q8_0"), "\(none.errors)")
          #expect(!daemon.log.contains("hf_good"))
        }
        #expect(hub.storeRequests.allSatisfy { $0.authorization == nil })
      }
    }

    @Test func killedDaemonFetchesOnlyWhatIsMissing() async throws {
      try await withHub { scratch, hub, weights in
        let digest = Digest(of: weights)
        let partial = "m/blobs/sha256/\(digest.hex).incomplete"
        // The first request is a look at the weights' header.
        hub.inject(.ignoreRange, at: "/store/\(digest.hex)")
        hub.inject(.stall(afterBytes: 3_000_000), at: "/store/\(digest.hex)")
        try await Daemon.with(in: scratch, environment: ["HF_ENDPOINT": hub.endpoint], status: 137) { daemon in
          async let pull = daemon.petrel("pull", "hf.co/Org/Demo-GGUF")
          try await eventually("most of that is on disk") { scratch.size(of: partial) >= 2_000_000 }
          Processes.send(.kill, to: daemon.pid)
          #expect(try await pull.status == 1)
        }
        let onDisk = scratch.size(of: partial)
        hub.releaseStalls()
        hub.forgetRequests()
        try await Daemon.with(in: scratch, environment: ["HF_ENDPOINT": hub.endpoint]) { daemon in
          #expect(try await daemon.petrel("list", "--json").json == .array([]))
          let pulled = try await daemon.petrel("pull", "hf.co/Org/Demo-GGUF")
          #expect(pulled.status == 0, "\(pulled.errors)")
          #expect(hub.storeRequests.last?.range?.hasPrefix("bytes=\(onDisk)-") == true)
          #expect(try await daemon.petrel("run", "hf.co/Org/Demo-GGUF", "Say hello").output.contains("Hello"))
        }
      }
    }

    @Test func importedModelAnswersAndTakesNoRoom() async throws {
      try await Scratch.with { scratch in
        let weights = try bytes(ofFile: scratch.setup.weights)
        let digest = Digest(of: weights)
        let store = scratch.folder.appending("ollama")
        let blob = store.appending("blobs").appending("sha256-\(digest.hex)")
        try scratch.write(
          """
          {"schemaVersion":2,"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"\(digest)",
          "size":\(weights.count)}]}
          """, to: "ollama/manifests/registry.ollama.ai/library/demo/tiny")
        try scratch.write("", to: "ollama/blobs/placeholder")
        try Data(weights).write(to: URL(filePath: blob.string))

        try await Daemon.with(in: scratch) { daemon in
          let dry = try await daemon.petrel("import", "--dry-run", "--from", store.string)
          #expect(dry.output.contains("registry.ollama.ai/library/demo:tiny"), "\(dry.errors)")
          #expect(try await daemon.petrel("list", "--json").json == .array([]))
          let imported = try await daemon.petrel("import", "--from", store.string)
          #expect(imported.status == 0, "\(imported.errors)")
          #expect(!imported.errors.contains("copied"))
          let name = "registry.ollama.ai/library/demo:tiny"
          #expect(try await daemon.petrel("run", name, "Say hello").output.contains("Hello"))

          // Over TCP nobody makes the daemon open files.
          let refused = try await scratch.petrel(
            "import", "--from", store.string, environment: ["MODEL_RUNNER_HOST": daemon.url])
          #expect(refused.status == 1)
          #expect(refused.errors.contains("Unix socket"), "\(refused.errors)")

          // The other program removes its model; this one stays.
          try FileManager.default.removeItem(atPath: store.string)
          #expect(try await daemon.petrel("run", name, "Say hello").output.contains("Hello"))
        }
      }
    }

    /// Calls `body` with a hub that has the demo model in one repository.
    private func withHub(
      _ body: @escaping @Sendable (Scratch, FakeHub, _ weights: [UInt8]) async throws -> Void
    ) async throws {
      try await Scratch.with { scratch in
        let weights = try bytes(ofFile: scratch.setup.weights)
        try await FakeHub.with { hub in
          hub.commit(
            "Org/Demo-GGUF", large: ["demo-Q8_0.gguf": weights], small: ["README.md": Array("A demo.".utf8)])
          try await body(scratch, hub, weights)
        }
      }
    }

    private func bytes(ofFile path: String) throws -> [UInt8] {
      Array(try #require(FileManager.default.contents(atPath: path)))
    }
  }
}

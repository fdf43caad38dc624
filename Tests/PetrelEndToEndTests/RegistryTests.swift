// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension EndToEnd {
  /// Push and pull with docker-registry, seen by skopeo too.
  @Suite struct RegistryTests {
    @Test func pushedModelIsAnArtifactForOthersAndComesBackEqual() async throws {
      try await Scratch.with { scratch in
        try await ContainerRegistry.with(in: scratch) { registry in
          let name = "\(registry.host)/team/demo:v1"
          let id = try await Daemon.with(in: scratch) { daemon in
            try await daemon.packageDemoModel()
            #expect(try await daemon.petrel("tag", Daemon.model, name).status == 0)
            let pushed = try await daemon.petrel("push", name)
            #expect(pushed.status == 0, "\(pushed.errors)")
            return try #require(try await daemon.petrel("inspect", name).json["id"].string)
          }

          let raw = try await scratch.run("skopeo", ["inspect", "--raw", "--tls-verify=false", "docker://\(name)"])
          #expect(Digest(of: Array(raw.output.utf8)).description == id)
          let seen = try raw.json
          #expect(seen["mediaType"].string == "application/vnd.oci.image.manifest.v1+json")
          #expect(seen["config"]["mediaType"].string?.hasPrefix("application/vnd.docker.ai.model.config.v0.") == true)
          #expect(seen["layers"][0]["mediaType"].string == "application/vnd.docker.ai.gguf.v3")
          #expect(seen["layers"][0]["size"].number == Double(try weightsSize(scratch)))

          // A copy by another client is the same model.
          let copied = try await scratch.run(
            "skopeo",
            [
              "--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "docker://\(name)",
              "docker://\(registry.host)/team/copy:v2",
            ])
          #expect(copied.status == 0, "\(copied.errors)")

          for reference in [name, "\(registry.host)/team/copy:v2", "\(registry.host)/team/demo@\(id)"] {
            try await Daemon.with { other in
              let pulled = try await other.petrel("pull", reference)
              #expect(pulled.status == 0, "\(pulled.errors)")
              #expect(try await other.petrel("list", "--json").json[0]["id"].string == id)
              #expect(try await other.petrel("run", reference, "Say hello").output.contains("Hello"))
              let again = try await other.petrel("pull", reference)
              #expect(again.status == 0)
            }
          }
        }
      }
    }

    @Test func packageCanPush() async throws {
      try await Scratch.with { scratch in
        try await ContainerRegistry.with(in: scratch) { registry in
          try await Daemon.with(in: scratch) { daemon in
            let name = "\(registry.host)/team/direct:v1"
            let packaged = try await daemon.petrel("package", "--gguf", scratch.setup.weights, "--push", name)
            #expect(packaged.status == 0, "\(packaged.errors)")
            let remote = try await daemon.petrel("inspect", "--remote", name)
            #expect(remote.status == 0, "\(remote.errors)")
            #expect(try remote.json["config"]["architecture"].string == "qwen3")
          }
        }
      }
    }

    @Test func credentialsComeFromDockersConfiguration() async throws {
      try await Scratch.with { scratch in
        try await ContainerRegistry.with(in: scratch, withPassword: true) { registry in
          try await Daemon.with(in: scratch) { daemon in
            try await daemon.packageDemoModel()
            let name = "\(registry.host)/team/secret:v1"
            #expect(try await daemon.petrel("tag", Daemon.model, name).status == 0)
            let refused = try await daemon.petrel("push", name)
            #expect(refused.status == 1)
            #expect(refused.errors.contains("docker login"), "\(refused.errors)")

            let secret = Data("\(ContainerRegistry.user):\(ContainerRegistry.password)".utf8).base64EncodedString()
            try scratch.write(#"{"auths":{"\#(registry.host)":{"auth":"\#(secret)"}}}"#, to: "docker/config.json")
            let pushed = try await daemon.petrel("push", name)
            #expect(pushed.status == 0, "\(pushed.errors)")
            #expect(!daemon.log.contains(secret) && !daemon.log.contains(ContainerRegistry.password))
            #expect(try await daemon.petrel("inspect", "--remote", name).status == 0)
          }
        }
      }
    }

    @Test func modelThatIsNotThereIsNamed() async throws {
      try await Scratch.with { scratch in
        try await ContainerRegistry.with(in: scratch) { registry in
          try await Daemon.with(in: scratch) { daemon in
            let name = "\(registry.host)/team/nothing:v1"
            for arguments in [["pull", name], ["run", name, "Say hello"]] {
              let result = try await scratch.run(scratch.setup.petrel, arguments)
              #expect(result.status == 1)
              #expect(result.errors.contains("team/nothing"), "\(result.errors)")
            }
            #expect(try await daemon.petrel("list", "--json").json == .array([]))
          }
        }
      }
    }

    private func weightsSize(_ scratch: Scratch) throws -> Int {
      try #require(FileManager.default.contents(atPath: scratch.setup.weights)).count
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTestSupport
import SystemPackage
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension EndToEnd {
  /// Ways to docker-registry: TLS, proxies, tokens, chunks, copies.
  @Suite struct RegistryTransportTests {
    /// Tags the demo model and pushes it.
    private func push(_ daemon: Daemon, _ name: String) async throws -> Finished {
      #expect(try await daemon.petrel("tag", Daemon.model, name).status == 0)
      return try await daemon.petrel("push", name)
    }

    private func id(_ daemon: Daemon) async throws -> String {
      try #require(try await daemon.petrel("inspect", Daemon.model).json["id"].string)
    }

    /// The digest of what skopeo finds.
    private func seen(_ name: String, _ scratch: Scratch, _ options: String...) async throws -> String {
      let raw = try await scratch.run("skopeo", ["inspect", "--raw"] + options + ["docker://\(name)"])
      #expect(raw.status == 0, "\(raw.errors)")
      return Digest(of: Array(raw.output.utf8)).description
    }

    @Test func trustsAuthoritiesInDockersFolder() async throws {
      try await Scratch.with { scratch in
        let certificates = try await Certificates(in: scratch)
        let others = try await Certificates(in: scratch, folder: "others")
        try await ContainerRegistry.with(in: scratch, certificates: certificates) { registry in
          try await Daemon.with(in: scratch) { daemon in
            try await daemon.packageDemoModel()
            let name = "\(registry.host)/team/demo:v1"
            let folder = "docker/certs.d/\(registry.host)"
            try scratch.write(try others.authority.string.contents, to: "\(folder)/ca.crt")
            let refused = try await push(daemon, name)
            #expect(refused.status == 1)
            #expect(refused.errors.contains("not signed by a trusted authority"), "\(refused.errors)")

            try scratch.write(try certificates.authority.string.contents, to: "\(folder)/ca.crt")
            let pushed = try await daemon.petrel("push", name)
            #expect(pushed.status == 0, "\(pushed.errors)")
            let pulled = try await daemon.petrel("pull", name)
            #expect(pulled.status == 0, "\(pulled.errors)")
            #expect(
              try await seen(name, scratch, "--cert-dir", scratch.folder.appending(folder).string) == id(daemon))
          }
        }
      }
    }

    @Test func goesThroughAProxyAndGoesOnWhenItIsCut() async throws {
      try await Scratch.with { scratch in
        let certificates = try await Certificates(in: scratch)
        try await ConnectProxy.with(credentials: "me:p@ss") { proxy in
          try await ContainerRegistry.with(in: scratch, certificates: certificates) { registry in
            proxy.lead("\(Certificates.name):443", to: registry.port)
            let environment = [
              "HTTPS_PROXY": "http://me:p%40ss@\(proxy.host)", "NO_PROXY": "elsewhere.test",
              "PETREL_CA_BUNDLE": certificates.authority.string,
            ]
            try await Daemon.with(in: scratch, environment: environment) { daemon in
              try await daemon.packageDemoModel()
              let name = "\(Certificates.name)/team/demo:v1"
              #expect(try await daemon.petrel("tag", Daemon.model, name).status == 0)
              proxy.cutConnections(after: [200_000, 1_000_000, 2_500_000])
              let pushed = try await daemon.petrel("push", name)
              #expect(pushed.status == 0, "\(pushed.errors)")
              #expect(proxy.cutsLeft == 0)
              let remote = try await daemon.petrel("inspect", "--remote", name)
              #expect(try await remote.json["id"].string == id(daemon))
              #expect(Set(proxy.targets) == ["\(Certificates.name):443"])
              #expect(!daemon.log.contains("p@ss") && !daemon.log.contains("p%40ss"))
              let shown = try await scratch.run(scratch.setup.petrel, ["config", "show"], environment: environment)
              #expect(shown.output.contains("http://***@\(proxy.host)"), "\(shown.output)")
              #expect(!shown.output.contains("p%40ss"))
            }
          }
        }
      }
    }

    @Test func pushesInChunks() async throws {
      try await Scratch.with { scratch in
        try await ContainerRegistry.with(in: scratch) { registry in
          try await Daemon.with(in: scratch, environment: ["PETREL_UPLOAD_CHUNK": "1"]) { daemon in
            try await daemon.packageDemoModel()
            let name = "\(registry.host)/team/demo:v1"
            let pushed = try await push(daemon, name)
            #expect(pushed.status == 0, "\(pushed.errors)")
            #expect(try await seen(name, scratch, "--tls-verify=false") == id(daemon))
          }
        }
      }
    }

    @Test func getsTokensForEachRepository() async throws {
      try await Scratch.with { scratch in
        let certificates = try await Certificates(in: scratch)
        // A certificate that signs itself: of the authority, whose key signs the tokens here.
        let key = try certificates.authority.removingLastComponent().appending("ca.key").string.contents
        let certificate = try certificates.authority.string.contents
        let credentials = "\(ContainerRegistry.user):\(ContainerRegistry.password)"
        try await TokenServer.with(key: key, certificate: certificate, credentials: credentials) { tokens in
          try await ContainerRegistry.with(in: scratch, tokens: (tokens, certificates.authority)) { registry in
            try await Daemon.with(in: scratch) { daemon in
              try await daemon.packageDemoModel()
              let name = "\(registry.host)/team/demo:v1"
              let refused = try await push(daemon, name)
              #expect(refused.status == 1)
              #expect(refused.errors.contains("docker login"), "\(refused.errors)")

              let secret = Data(credentials.utf8).base64EncodedString()
              try scratch.write(#"{"auths":{"\#(registry.host)":{"auth":"\#(secret)"}}}"#, to: "docker/config.json")
              let pushed = try await daemon.petrel("push", name)
              #expect(pushed.status == 0, "\(pushed.errors)")
              #expect(tokens.scopes.contains { $0.contains("repository:team/demo:pull,push") })

              // The other repository takes the layers from the first: that needs a token for both.
              let copied = try await daemon.petrel("copy", name, "\(registry.host)/team/copy:v2")
              #expect(copied.status == 0, "\(copied.errors)")
              #expect(
                tokens.scopes.contains { $0.contains("repository:team/copy:") && $0.contains("repository:team/demo:") })
              let remote = try await daemon.petrel("inspect", "--remote", "\(registry.host)/team/copy:v2")
              #expect(try await remote.json["id"].string == id(daemon))
              #expect(!daemon.log.contains(secret) && !daemon.log.contains(ContainerRegistry.password))
            }
          }
        }
      }
    }

    @Test func copiesFromRegistryToRegistry() async throws {
      try await Scratch.with { scratch in
        try await ContainerRegistry.with(in: scratch) { source in
          try await ContainerRegistry.with(in: scratch, folder: "second", withPassword: true) { target in
            let name = "\(source.host)/team/demo:v1"
            let id = try await Daemon.with { daemon in
              try await daemon.packageDemoModel()
              let pushed = try await push(daemon, name)
              #expect(pushed.status == 0, "\(pushed.errors)")
              return try await self.id(daemon)
            }
            let credentials = "\(ContainerRegistry.user):\(ContainerRegistry.password)"
            let secret = Data(credentials.utf8).base64EncodedString()
            try scratch.write(#"{"auths":{"\#(target.host)":{"auth":"\#(secret)"}}}"#, to: "docker/config.json")
            try await Daemon.with(in: scratch) { daemon in
              let copy = "\(target.host)/other/copy:v2"
              let copied = try await daemon.petrel("copy", name, copy)
              #expect(copied.status == 0, "\(copied.errors)")
              #expect(copied.output == "Model copied successfully\n")
              #expect(try await seen(copy, scratch, "--tls-verify=false", "--creds", credentials) == id)
              #expect(try await daemon.petrel("list", "--json").json == .array([]))
              #expect(scratch.files(below: "m/blobs") == [])

              let missing = try await daemon.petrel("copy", "\(source.host)/team/none:v1", copy)
              #expect(missing.status == 1)
              #expect(missing.errors.contains("Failed to copy model"), "\(missing.errors)")
            }
          }
        }
      }
    }
  }
}

extension String {
  /// Of the file with this path.
  fileprivate var contents: String {
    get throws { String(decoding: try #require(FileManager.default.contents(atPath: self)), as: UTF8.self) }
  }
}

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
  /// Signatures between the binary, openssl and skopeo, with docker-registry in the middle.
  @Suite struct SignatureTests {
    @Test func opensslAgreesWithASignatureAndSkopeoCarriesIt() async throws {
      try await Scratch.with { scratch in
        try await ContainerRegistry.with(in: scratch) { registry in
          let name = "\(registry.host)/team/demo:v1"
          let copy = "\(registry.host)/mirror/demo"
          #expect(try await scratch.petrel("key", "generate").status == 0)
          let key = scratch.home.appending("keys/signing.pub")
          let id = try await Daemon.with(in: scratch) { daemon in
            try await daemon.packageDemoModel()
            #expect(try await daemon.petrel("tag", Daemon.model, name).status == 0)
            // Twice: the second finds its signature there.
            for _ in 0..<2 {
              let pushed = try await daemon.petrel("push", "--sign", name)
              #expect(pushed.status == 0, "\(pushed.errors)")
            }
            return try #require(try await daemon.petrel("inspect", name).json["id"].string)
          }

          let tag = id.replacing(":", with: "-") + ".sig"
          let list = try await inspect("\(registry.host)/team/demo:\(tag)", scratch)
          #expect(list["layers"].elements.count == 1)
          let layer = list["layers"][0]
          let text = try #require(layer["annotations"]["dev.cosignproject.cosign/signature"].string)
          let signature = scratch.folder.appending("signature")
          try #require(Data(base64Encoded: text)).write(to: URL(filePath: signature.string))
          let digest = try #require(layer["digest"].string)
          let payload = try await scratch.run("curl", ["-sSf", "http://\(registry.host)/v2/team/demo/blobs/\(digest)"])
          try scratch.write(payload.output, to: "payload")
          #expect(try payload.json["critical"]["image"]["docker-manifest-digest"].string == id)
          let verified = try await scratch.run(
            "openssl",
            [
              "dgst", "-sha256", "-verify", key.string, "-signature", signature.string,
              scratch.folder.appending("payload").string,
            ])
          #expect(verified.status == 0, "\(verified.output)\(verified.errors)")

          for (from, to) in [(name, "\(copy):v1"), ("\(registry.host)/team/demo:\(tag)", "\(copy):\(tag)")] {
            try await copyImage("docker://\(from)", to: "docker://\(to)", scratch)
          }
          try await Scratch.with { other in
            try other.write(key.contents, to: "p/keys/team.pub")
            try other.write(
              """
              port: 0
              signatures:
                - {repository: "\(registry.host)/mirror/*", policy: enforce, keys: keys/team.pub, signed-as: "*:*/team/*"}
                - {repository: "**", policy: enforce, keys: keys/team.pub}
              """, to: "p/config.yaml")
            try await Daemon.with(in: other) { daemon in
              for model in ["\(copy):v1", name] {
                let pulled = try await daemon.petrel("pull", model)
                #expect(pulled.status == 0, "\(pulled.errors)")
                #expect(pulled.errors.contains("Signature verified: key "))
              }
            }
          }
        }
      }
    }

    @Test func signaturesByOpensslAreGoodAndOthersAreRefused() async throws {
      try await Scratch.with { scratch in
        try await ContainerRegistry.with(in: scratch) { registry in
          let name = "\(registry.host)/team/demo:v1"
          let (key, publicKey) = try await opensslPair("theirs", scratch)
          let (_, stranger) = try await opensslPair("strange", scratch)
          let id = try await Daemon.with(in: scratch) { daemon in
            try await daemon.packageDemoModel()
            #expect(try await daemon.petrel("tag", Daemon.model, name).status == 0)
            #expect(try await daemon.petrel("push", name).status == 0)
            let id = try #require(try await daemon.petrel("inspect", name).json["id"].string)
            try await upload(id, of: "\(registry.host)/team/demo", signedBy: key, scratch)
            // A signature by the binary with another openssl key joins it.
            let (own, _) = try await opensslPair("own", scratch)
            let pushed = try await daemon.petrel("push", "--sign", "--key", own.string, name)
            #expect(pushed.status == 0, "\(pushed.errors)")
            return id
          }
          let tag = id.replacing(":", with: "-") + ".sig"
          let list = try await inspect("\(registry.host)/team/demo:\(tag)", scratch)
          #expect(list["layers"].elements.count == 2)

          try await Scratch.with { other in
            try other.write(stranger.contents, to: "p/strange.pub")
            try other.write(
              "port: 0\nsignatures: [{repository: \"**\", policy: warn, keys: strange.pub}]\n", to: "p/config.yaml")
            try await Daemon.with(in: other) { daemon in
              let refused = try await daemon.petrel("pull", "--verify", "--key", stranger.string, name)
              #expect(refused.status == 1)
              #expect(refused.errors.contains("none of its signatures is by a key that is trusted"))
              let body = #"{"from":"\#(name)","verify":true}"#
              let overTheAPI = try await daemon.curl("/models/create", body: body)
              #expect(overTheAPI.status == 403)
              #expect(other.files(below: "m/blobs") == [])
              let verified = try await daemon.petrel("pull", "--verify", "--key", publicKey.string, name)
              #expect(verified.status == 0, "\(verified.errors)")
              #expect(verified.errors.contains("Signature verified: key "))
              #expect(verified.errors.contains("pulled all the same"))
              #expect(try await daemon.petrel("list", "--json").json[0]["id"].string == id)
            }
          }
        }
      }
    }

    private func inspect(_ name: String, _ scratch: Scratch) async throws -> JSON {
      let raw = try await scratch.run("skopeo", ["inspect", "--raw", "--tls-verify=false", "docker://\(name)"])
      #expect(raw.status == 0, "\(raw.errors)")
      return try raw.json
    }

    private func copyImage(_ source: String, to target: String, _ scratch: Scratch) async throws {
      let copied = try await scratch.run(
        "skopeo",
        ["--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", source, target])
      #expect(copied.status == 0, "\(copied.errors)")
    }

    private func opensslPair(_ name: String, _ scratch: Scratch) async throws -> (key: FilePath, publicKey: FilePath) {
      let key = scratch.folder.appending("\(name).pem")
      let publicKey = scratch.folder.appending("\(name).pub")
      for arguments in [
        ["ecparam", "-name", "prime256v1", "-genkey", "-out", key.string],
        ["ec", "-in", key.string, "-pubout", "-out", publicKey.string],
      ] {
        let made = try await scratch.run("openssl", arguments)
        #expect(made.status == 0, "\(made.errors)")
      }
      return (key, publicKey)
    }

    /// Stores a signature that openssl made where cosign would put it.
    private func upload(_ id: String, of repository: String, signedBy key: FilePath, _ scratch: Scratch) async throws {
      let payload =
        #"{"critical":{"identity":{"docker-reference":"\#(repository)"},"image":{"docker-manifest-digest":"\#(id)"},"type":"cosign container image signature"},"optional":null}"#
      let config = #"{"architecture":"","os":"","rootfs":{"type":"layers","diff_ids":["\#(Digest(ofText: payload))"]}}"#
      let file = try scratch.write(payload, to: "image/\(Digest(ofText: payload).hex)")
      try scratch.write(config, to: "image/\(Digest(ofText: config).hex)")
      let signed = try await scratch.run(
        "openssl", ["dgst", "-sha256", "-sign", key.string, "-out", scratch.folder.appending("s").string, file.string])
      #expect(signed.status == 0, "\(signed.errors)")
      let signature = try #require(FileManager.default.contents(atPath: scratch.folder.appending("s").string))
      try scratch.write("Directory Transport Version: 1.1\n", to: "image/version")
      try scratch.write(
        #"""
        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":
        "application/vnd.oci.image.config.v1+json","size":\#(config.utf8.count),"digest":"\#(Digest(ofText: config))"},
        "layers":[{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","size":\#(payload.utf8.count),
        "digest":"\#(Digest(ofText: payload))","annotations":{"dev.cosignproject.cosign/signature":
        "\#(signature.base64EncodedString())"}}]}
        """#, to: "image/manifest.json")
      try await copyImage(
        "dir:\(scratch.folder)/image", to: "docker://\(repository):\(id.replacing(":", with: "-")).sig", scratch)
    }
  }
}

extension FilePath {
  fileprivate var contents: String {
    String(decoding: FileManager.default.contents(atPath: string) ?? Data(), as: UTF8.self)
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Testing

@Suite struct ManifestTests {
  private static let digest = "sha256:" + String(repeating: "ab", count: 32)

  private func manifest(configType: String = MediaType.configV01, size: String = "2", layers: String = "null")
    -> [UInt8]
  {
    Array(
      (#"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest)","config":{"mediaType":"\#(configType)","#
        + #""size":\#(size),"digest":"\#(Self.digest)"},"layers":\#(layers)}"#).utf8)
  }

  private func refusal(_ bytes: [UInt8]) -> OCIError.Code? {
    do {
      _ = try Manifest(decoding: bytes)
      return nil
    } catch {
      return error.code
    }
  }

  @Test(arguments: MediaType.supportedConfigs)
  func everyKindOfModelIsAccepted(configType: String) throws {
    let manifest = try Manifest(decoding: manifest(configType: configType))
    #expect(manifest.config.mediaType == configType)
    #expect(manifest.layers.isEmpty)
  }

  @Test func membersOfForeignManifestsAreTolerated() throws {
    let layer =
      #"{"mediaType":"x","size":1,"digest":"\#(Self.digest)","urls":[],"data":"","platform":{},"artifactType":"y"}"#
    let manifest = try Manifest(decoding: manifest(layers: "[\(layer),\(layer)]"))
    #expect(manifest.layers.count == 2)
    #expect(manifest.blobs.count == 1)
  }

  @Test func otherArtifactsAreRefused() {
    #expect(refusal(manifest(configType: "application/vnd.oci.image.config.v1+json")) == .unsupportedArtifact)
    let index = #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#
    #expect(refusal(Array(index.utf8)) == .unsupportedArtifact)
  }

  @Test func damagedManifestsAreRefused() {
    #expect(refusal(manifest(size: "-1")) == .invalidManifest)
    #expect(refusal(manifest(size: "\"big\"")) == .invalidManifest)
    #expect(refusal(manifest(layers: "{}")) == .invalidManifest)
    #expect(refusal(manifest(layers: #"[{"mediaType":"x","size":1,"digest":"sha512:ab"}]"#)) == .invalidManifest)
    #expect(refusal(Array(manifest().dropLast())) == .invalidManifest)
    #expect(refusal([]) == .invalidManifest)
  }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelOCI
import PetrelSigning
import Testing

@Suite struct SignatureListTests {
  private static let digest = Digest(ofText: "a manifest")

  /// A signature's manifest as the specification has it.
  private struct Seen: Decodable {
    struct Blob: Decodable {
      var mediaType: String
      var digest: String
      var size: Int
      var annotations: [String: String]?
    }

    var schemaVersion: Int
    var mediaType: String
    var config: Blob
    var layers: [Blob]
  }

  private func signature(_ key: SigningKey = SigningKey()) throws -> DetachedSignature {
    try key.sign(Self.digest, in: try ModelReference(parsing: "myorg/demo"))
  }

  @Test func isFoundBesideTheModel() throws {
    for name in ["localhost:5000/team/demo:v1", "localhost:5000/team/demo@\(Self.digest)"] {
      let place = SignatureList.reference(of: Self.digest, beside: try ModelReference(parsing: name))
      #expect(place.description == "localhost:5000/team/demo:sha256-\(Self.digest.hex).sig")
      #expect(try ModelReference(parsing: place.description) == place)
    }
  }

  @Test func hasTheFormThatOthersRead() throws {
    let signed = try signature()
    var list = SignatureList()
    let blobs = list.append(signed)
    let seen = try JSONDecoder().decode(Seen.self, from: Data(try list.manifest.serialized()))
    #expect(seen.schemaVersion == 2)
    #expect(seen.mediaType == "application/vnd.oci.image.manifest.v1+json")
    #expect(seen.config.mediaType == "application/vnd.oci.image.config.v1+json")
    let layer = try #require(seen.layers.first)
    #expect(layer.mediaType == "application/vnd.dev.cosign.simplesigning.v1+json")
    #expect(layer.digest == Digest(of: signed.payload).description)
    #expect(layer.size == signed.payload.count)
    let text = Data(signed.signature).base64EncodedString()
    #expect(layer.annotations == ["dev.cosignproject.cosign/signature": text])
    // Both blobs of the manifest are named, and the config names the layer.
    #expect(blobs.map(\.descriptor.digest) == [Digest(of: signed.payload), list.manifest.config.digest])
    #expect(
      blobs.allSatisfy { Digest(of: $0.bytes) == $0.descriptor.digest && Int64($0.bytes.count) == $0.descriptor.size })
    #expect(
      String(decoding: blobs[1].bytes, as: UTF8.self).contains("\"diff_ids\":[\"\(Digest(of: signed.payload))\"]"))
  }

  @Test func othersSignaturesStay() throws {
    let foreign = #"""
      {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
      "config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"\#(Digest(ofText: "{}"))"},
      "layers":[{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","size":5,
      "digest":"\#(Digest(ofText: "first"))","annotations":{"dev.cosignproject.cosign/signature":"AAEC",
      "dev.sigstore.cosign/bundle":"{}"}}],"annotations":{"made":"elsewhere"}}
      """#
    var list = try SignatureList(decoding: Array(foreign.utf8))
    let before = list.manifest
    let signed = try signature()
    _ = list.append(signed)
    let after = try SignatureList(decoding: try list.manifest.serialized())
    #expect(Array(after.manifest.layers.dropLast()) == before.layers)
    #expect(after.manifest.annotations == ["made": "elsewhere"])
    #expect(after.entries.map(\.signature) == [signed.signature, [0, 1, 2]])
  }

  @Test func whatIsNoSignatureIsPassedOver() throws {
    func layer(_ type: String, size: Int = 5, annotations: String) -> String {
      #"{"mediaType":"\#(type)","size":\#(size),"digest":"\#(Digest(ofText: "x"))","annotations":{\#(annotations)}}"#
    }
    let known = "application/vnd.dev.cosign.simplesigning.v1+json"
    let good = #""dev.cosignproject.cosign/signature":"AAEC""#
    let layers = [
      layer("application/vnd.dsse.envelope.v1+json", annotations: good), layer(known, annotations: ""),
      layer(known, annotations: #""dev.cosignproject.cosign/signature":"not base64!""#),
      layer(known, size: SignaturePayload.maximumSize + 1, annotations: good), layer(known, annotations: good),
    ]
    let list = try SignatureList(
      decoding: Array(
        #"{"schemaVersion":2,"config":{"mediaType":"c","size":2,"digest":"\#(Digest(ofText: "{}"))"},"layers":[\#(layers.joined(separator: ","))]}"#
          .utf8))
    #expect(list.entries.map(\.signature) == [[0, 1, 2]])
  }

  @Test func onlyTheNewestAreLookedAt() throws {
    var list = SignatureList()
    let signatures = try (0..<SignatureList.maximumCount + 5).map { _ in try signature() }
    for signature in signatures { _ = list.append(signature) }
    #expect(list.manifest.layers.count == signatures.count)
    #expect(list.entries.map(\.signature) == signatures.reversed().prefix(SignatureList.maximumCount).map(\.signature))
  }

  @Test(arguments: ["", "{}", "[]", #"{"schemaVersion":2,"manifests":[]}"#])
  func somethingElseIsNoList(_ text: String) {
    #expect(throws: SigningError.self) { try SignatureList(decoding: Array(text.utf8)) }
  }

  @Test func damagedListsAreReadOrRefused() throws {
    var list = SignatureList()
    _ = list.append(try signature())
    let whole = try list.manifest.serialized()
    var generator = SeededGenerator(seed: 42)
    for _ in 0..<2000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0x20...0x7E, using: &generator)
      }
      guard let damaged = try? SignatureList(decoding: bytes) else { continue }
      #expect(damaged.entries.count <= 1)
    }
  }
}

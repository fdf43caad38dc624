// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelOCI
import PetrelSigning
import Testing

@Suite struct SignatureTests {
  private static let digest = Digest(ofText: "a manifest")

  private func reference(_ text: String) throws -> ModelReference { try ModelReference(parsing: text) }

  private func vectorKey() throws -> VerificationKey {
    try #require(try VerificationKey.read(pem: Vectors.publicKey, origin: "vector").first)
  }

  private func bytes(_ base64: String) throws -> [UInt8] { Array(try #require(Data(base64Encoded: base64))) }

  private func isMisfit(_ verdict: SignatureRequirement.Verdict, _ reason: String) -> Bool {
    if case .misfit(let text) = verdict { text.contains(reason) } else { false }
  }

  @Test func signaturesOfOpenSSLAreGood() throws {
    let requirement = SignatureRequirement(keys: [SigningKey().verificationKey, try vectorKey()])
    let digest = try Digest(parsing: Vectors.digest)
    for name in ["myorg/demo:v1", "docker.io/myorg/demo", "index.docker.io/myorg/demo@\(Vectors.digest)"] {
      let verdict = requirement.judge(
        payload: Array(Vectors.payload.utf8), signature: try bytes(Vectors.signature), digest: digest,
        reference: try reference(name))
      #expect(verdict == .good(try vectorKey()))
    }
  }

  @Test func aPayloadHasAlwaysTheSameBytes() throws {
    let key = SigningKey()
    let name = try reference("localhost:5000/team/demo:v1")
    let first = try key.sign(Self.digest, in: name)
    let expected =
      #"{"critical":{"identity":{"docker-reference":"localhost:5000/team/demo"},"image":{"docker-manifest-digest":"\#(Self.digest)"},"type":"cosign container image signature"},"optional":{"creator":"petrel"}}"#
    #expect(String(decoding: first.payload, as: UTF8.self) == expected)
    let second = try SigningKey().sign(Self.digest, in: try reference("localhost:5000/team/demo:v2"))
    #expect(second.payload == first.payload)
    try first.check(Self.digest, in: name)
    let verdict = SignatureRequirement(keys: [key.verificationKey]).judge(
      payload: first.payload, signature: first.signature, digest: Self.digest, reference: name)
    #expect(verdict == .good(key.verificationKey))
  }

  @Test func everyBitOfPayloadAndSignatureCounts() throws {
    let key = SigningKey()
    let name = try reference("myorg/demo")
    let signed = try key.sign(Self.digest, in: name)
    let requirement = SignatureRequirement(keys: [key.verificationKey])
    func isGood(_ payload: [UInt8], _ signature: [UInt8]) -> Bool {
      let verdict = requirement.judge(payload: payload, signature: signature, digest: Self.digest, reference: name)
      return verdict == .good(key.verificationKey)
    }
    #expect(isGood(signed.payload, signed.signature))
    for index in signed.payload.indices {
      var payload = signed.payload
      payload[index] ^= 1
      #expect(!isGood(payload, signed.signature))
    }
    for index in signed.signature.indices {
      var signature = signed.signature
      signature[index] ^= 1
      #expect(!isGood(signed.payload, signature))
      #expect(!isGood(signed.payload, Array(signed.signature.prefix(index))))
    }
  }

  @Test func aGoodSignatureForSomethingElseDoesNotHelp() throws {
    let key = SigningKey()
    let name = try reference("registry.lan/team/demo:v1")
    let requirement = SignatureRequirement(keys: [key.verificationKey])
    func verdict(_ signed: DetachedSignature, _ requirement: SignatureRequirement) -> SignatureRequirement.Verdict {
      requirement.judge(payload: signed.payload, signature: signed.signature, digest: Self.digest, reference: name)
    }
    let otherModel = try key.sign(Digest(ofText: "another"), in: name)
    #expect(isMisfit(verdict(otherModel, requirement), "for another model"))
    let otherName = try key.sign(Self.digest, in: try reference("myorg/demo"))
    #expect(isMisfit(verdict(otherName, requirement), "signed as \"docker.io/myorg/demo\""))
    let stranger = try SigningKey().sign(Self.digest, in: name)
    #expect(verdict(stranger, requirement) == .unknownSigner)
    #expect(verdict(otherModel, SignatureRequirement(keys: [])) == .unknownSigner)

    let copies = SignatureRequirement(
      keys: [key.verificationKey], signedAs: [try RepositoryPattern(parsing: "docker.io/myorg/*")])
    #expect(verdict(otherName, copies) == .good(key.verificationKey))
    let own = try key.sign(Self.digest, in: name)
    #expect(isMisfit(verdict(own, copies), "signed as"))
  }

  @Test func anUploadedSignatureMustFit() throws {
    let key = SigningKey()
    let name = try reference("myorg/demo:v1")
    let signed = try key.sign(Self.digest, in: name)
    func reason(_ signature: DetachedSignature, _ digest: Digest, _ name: ModelReference) -> String {
      do throws(SigningError) {
        try signature.check(digest, in: name)
        return ""
      } catch {
        return error.message
      }
    }
    #expect(reason(signed, Digest(ofText: "another"), name).contains("sign the model again"))
    #expect(reason(signed, Self.digest, try reference("myorg/other")).contains("not for docker.io/myorg/other"))
    let foreign = DetachedSignature(
      payload: signed.payload, signature: signed.signature, key: SigningKey().verificationKey)
    #expect(reason(foreign, Self.digest, name).contains("does not fit"))
  }

  @Test(arguments: [
    "", "null", "[]", "{}", #"{"critical":{}}"#,
    #"{"critical":{"identity":{},"image":{"docker-manifest-digest":"\#(Vectors.digest)"},"type":"cosign container image signature"}}"#,
    #"{"critical":{"identity":{"docker-reference":"a/b"},"image":{"docker-manifest-digest":"md5:00"},"type":"cosign container image signature"}}"#,
    #"{"critical":{"identity":{"docker-reference":"a/b"},"image":{"docker-manifest-digest":"\#(Vectors.digest)"},"type":"atomic container signature"}}"#,
  ])
  func otherSignedTextsAreNoPayloads(_ text: String) {
    #expect(throws: SigningError.self) { try SignaturePayload(decoding: Array(text.utf8)) }
  }

  @Test func largePayloadsAreNotRead() {
    let text = Vectors.payload + String(repeating: " ", count: SignaturePayload.maximumSize)
    #expect(throws: SigningError.self) { try SignaturePayload(decoding: Array(text.utf8)) }
  }

  @Test func damagedPayloadsAreReadOrRefused() throws {
    var generator = SeededGenerator(seed: 4711)
    for _ in 0..<2000 {
      var bytes = Array(Vectors.payload.utf8)
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: .min ... .max, using: &generator)
      }
      if Bool.random(using: &generator) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
      guard let payload = try? SignaturePayload(decoding: bytes) else { continue }
      #expect(payload.digest.hex.utf8.count == 64)
      _ = payload.isFor(try reference("myorg/demo"))
    }
  }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

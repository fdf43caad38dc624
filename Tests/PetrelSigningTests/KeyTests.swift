// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelSigning
import Testing

@Suite struct KeyTests {
  private func refusal(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch {
      return (error as? SigningError)?.message ?? "another error: \(error)"
    }
  }

  @Test(arguments: [Vectors.sec1, Vectors.pkcs8, Vectors.pkcs8.replacing("\n", with: "\r\n")])
  func readsPrivateKeysOfOpenSSL(_ pem: String) throws {
    let key = try SigningKey(pem: pem, origin: "k")
    #expect(key.verificationKey.pem == Vectors.publicKey)
    #expect(key.verificationKey.fingerprint.description == Vectors.fingerprint)
    // What is written is read as the same key.
    #expect(try SigningKey(pem: key.pem, origin: "k").verificationKey == key.verificationKey)
    #expect(key.pem.hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
  }

  @Test func readsSeveralPublicKeysAmongOtherText() throws {
    let other = SigningKey().verificationKey
    let text = "Keys of the team\n\n\(Vectors.publicKey)\nfor releases:\n\(other.pem)"
    let keys = try VerificationKey.read(pem: text, origin: "team.pub")
    #expect(keys.map(\.pem) == [Vectors.publicKey, other.pem])
    #expect(keys.allSatisfy { $0.origin == "team.pub" })
  }

  @Test func damagedKeysAreReadOrRefused() {
    var generator = SeededGenerator(seed: 7)
    for pem in [Vectors.pkcs8, Vectors.sec1, Vectors.publicKey] {
      for _ in 0..<700 {
        var bytes = Array(pem.utf8)
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0x0A...0x7E, using: &generator)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        if let key = try? SigningKey(pem: text, origin: "k") { #expect(key.verificationKey.pem.count > 100) }
        if let keys = try? VerificationKey.read(pem: text, origin: "k") { #expect(keys.count == 1) }
      }
    }
  }

  @Test func newKeysDiffer() {
    #expect(SigningKey().pem != SigningKey().pem)
  }

  @Test(arguments: ["ENCRYPTED COSIGN PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY"])
  func cosignsEncryptedKeysAreRefusedWithAWayOut(_ label: String) {
    let pem = "-----BEGIN \(label)-----\neyJrZGYiOnsibmFtZSI6InNjcnlwdCJ9fQ==\n-----END \(label)-----\n"
    let message = refusal { _ = try SigningKey(pem: pem, origin: "cosign.key") }
    #expect(message.hasPrefix("cosign.key: "))
    #expect(message.contains("petrel key generate") && message.contains("cosign import-key-pair"))
  }

  @Test(arguments: [Vectors.encryptedPKCS8, Vectors.encryptedSEC1])
  func encryptedKeysAreRefusedWithACommand(_ pem: String) {
    #expect(refusal { _ = try SigningKey(pem: pem, origin: "k") }.contains("openssl pkey -in"))
  }

  @Test(arguments: [
    ("", "there is no key in it"), ("not PEM at all", "there is no key in it"),
    (Vectors.publicKey, "\"PUBLIC KEY\""), (Vectors.pkcs8 + Vectors.pkcs8, "more than one key"),
    ("-----BEGIN PRIVATE KEY-----\n????\n-----END PRIVATE KEY-----", "ECDSA on P-256"),
    ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "ECDSA on P-256"),
    ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PUBLIC KEY-----", "there is no key in it"),
    (String(repeating: "A", count: 70_000), "too large"),
  ])
  func whatIsNoPrivateKeyIsRefused(_ pem: String, _ reason: String) {
    #expect(refusal { _ = try SigningKey(pem: pem, origin: "k") }.contains(reason))
  }

  @Test(arguments: [
    ("", "there is no key in it"), (Vectors.pkcs8, "petrel key show"), (Vectors.p384, "ECDSA on P-256"),
    (Vectors.ed25519, "ECDSA on P-256"), (Vectors.publicKey + Vectors.p384, "ECDSA on P-256"),
    ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "openssl x509 -pubkey"),
    (String(repeating: "A", count: 70_000), "too large"),
  ])
  func whatIsNoPublicKeyIsRefused(_ pem: String, _ reason: String) {
    #expect(refusal { _ = try VerificationKey.read(pem: pem, origin: "k") }.contains(reason))
  }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelAPI
import PetrelOCI
import PetrelSigning
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelCommands

@Suite struct SigningTests {
  private static let digest = Digest(ofText: "a manifest")
  private static let model = #"{"id":"\#(digest)","tags":["docker.io/org/m:v1"],"created":1,"config":{}}"#
  private static let success =
    #"{"type":"success","message":"done","total":0,"layer":{"size":0,"current":0},"mode":"push"}"#

  private func run(_ words: [String], _ fixture: CommandFixture) async throws -> [StubDaemon.Request] {
    try await StubDaemon.serving({ request in
      request.method == "GET" ? .json(Self.model) : .json(Self.success + "\n")
    }) { stub in
      _ = await fixture.run(words, fixture.context(environment: ["MODEL_RUNNER_HOST": stub.address]))
      return stub.requests
    }
  }

  private func permissions(_ path: FilePath) throws -> Int? {
    (try FileManager.default.attributesOfItem(atPath: path.string)[.posixPermissions] as? NSNumber)?.intValue
  }

  @Test func makesAPairThatFitsAndOverwritesNothing() async throws {
    let fixture = try CommandFixture()
    #expect(await fixture.run(["key", "generate"], fixture.context()) == 0)
    let place = fixture.folder.appending(".petrel/keys")
    #expect(fixture.output == "\(place)/signing.key\n\(place)/signing.pub\n")
    let key = try SigningKey(pem: place.appending("signing.key").text, origin: "k")
    #expect(place.appending("signing.pub").text == key.verificationKey.pem)
    #expect(try permissions(place.appending("signing.key")) == 0o600)
    #expect(try permissions(place) == 0o700)

    #expect(await fixture.run(["key", "generate"], fixture.context()) == 1)
    #expect(fixture.errors.contains("is there already; choose another place with --output"))
    try place.appending("half.key").write("mine")
    #expect(await fixture.run(["key", "generate", "--output", place.appending("half").string], fixture.context()) == 1)
    #expect(place.appending("half.key").text == "mine")
    #expect(!place.appending("half.pub").exists)
    #expect(try SigningKey(pem: place.appending("signing.key").text, origin: "k").pem == key.pem)
  }

  @Test func showsThePublicKeyOfEither() async throws {
    let fixture = try CommandFixture()
    let key = SigningKey()
    try fixture.folder.appending("a.key").write(key.pem)
    try fixture.folder.appending("a.pub").write(key.verificationKey.pem)
    for name in ["a.key", "a.pub"] { #expect(await fixture.run(["key", "show", name], fixture.context()) == 0) }
    #expect(fixture.output == key.verificationKey.pem + key.verificationKey.pem)
    #expect(fixture.errors.contains(key.verificationKey.fingerprint.description))
    #expect(await fixture.run(["key", "show", "none.key"], fixture.context()) == 1)
    #expect(fixture.errors.contains("none.key can't be read: No such file or directory"))
  }

  @Test func aPushSendsASignatureAndNoPrivateKey() async throws {
    let fixture = try CommandFixture()
    let key = SigningKey()
    try fixture.folder.appending("my.key").write(key.pem)
    let requests = try await run(["push", "--sign", "--key", "my.key", "org/m:v1"], fixture)
    #expect(requests.map(\.method) == ["GET", "POST"])
    let request = try JSONDecoder().decode(PushRequest.self, from: Data(requests[1].body.utf8))
    let object = try #require(request.signature)
    #expect(object.key == key.verificationKey.pem)
    let signature = DetachedSignature(
      payload: Array(try #require(Data(base64Encoded: object.payload))),
      signature: Array(try #require(Data(base64Encoded: object.signature))), key: key.verificationKey)
    try signature.check(Self.digest, in: try ModelReference(parsing: "org/m:v1"))
    #expect(!requests.contains { $0.body.contains("PRIVATE") })
    #expect(fixture.output == "done\n")
  }

  @Test func withoutAKeyNothingIsSent() async throws {
    let fixture = try CommandFixture()
    #expect(try await run(["push", "--sign", "org/m:v1"], fixture).isEmpty)
    #expect(fixture.errors.contains("petrel key generate"))
    try fixture.folder.appending("bad.key").write("nothing")
    #expect(try await run(["push", "--sign", "--key", "bad.key", "org/m:v1"], fixture).isEmpty)
    #expect(fixture.errors.contains("bad.key: there is no key in it"))
    #expect(try await run(["pull", "--verify", "--key", "bad.key", "org/m:v1"], fixture).isEmpty)
    #expect(try await run(["pull", "--key", "bad.key", "org/m:v1"], fixture).isEmpty)
    #expect(try await run(["push", "--key", "bad.key", "org/m:v1"], fixture).isEmpty)
  }

  @Test func aPullSendsPublicKeys() async throws {
    let fixture = try CommandFixture()
    let keys = [SigningKey().verificationKey, SigningKey().verificationKey]
    for (index, key) in keys.enumerated() { try fixture.folder.appending("\(index).pub").write(key.pem) }
    func body(_ words: String...) async throws -> PullRequest {
      let request = try #require(try await run(["pull"] + words + ["org/m:v1"], fixture).first)
      return try JSONDecoder().decode(PullRequest.self, from: Data(request.body.utf8))
    }
    let both = try await body("--verify", "--key", "0.pub", "--key", "1.pub")
    #expect(both.verify == true)
    #expect(both.verifyKeys == keys.map(\.pem))
    let configured = try await body("--verify")
    #expect(configured.verify == true && configured.verifyKeys == nil)
    let plain = try await body()
    #expect(plain.verify == nil && plain.verifyKeys == nil)
  }
}

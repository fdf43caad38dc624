// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelAPI
import PetrelOCI
import PetrelRegistry
import PetrelSigning
import PetrelStore
import PetrelTestSupport
import Testing

@testable import PetrelLibrary

@Suite struct SignatureTests {
  private let key = SigningKey()

  private func policy(
    _ action: SignatureRule.Action, keys: [VerificationKey], signedAs: [String] = [], _ pattern: String = "**"
  ) throws -> SignaturePolicy {
    SignaturePolicy(
      rules: [
        SignatureRule(
          repositories: try RepositoryPattern(parsing: pattern), action: action,
          requirement: SignatureRequirement(
            keys: keys, signedAs: try signedAs.map { try RepositoryPattern(parsing: $0) }))
      ])
  }

  /// Puts signatures beside a model of the registry, as another client would.
  private func sign(
    _ digest: Digest, _ name: String, in fixture: LibraryFixture, by keys: [SigningKey], as claimed: String? = nil
  ) throws {
    let place = fixture.registry.reference(name)
    var list = SignatureList()
    for key in keys {
      let signed = try key.sign(digest, in: try claimed.map { try ModelReference(parsing: $0) } ?? place)
      for blob in list.append(signed) {
        fixture.registry.addBlob(.init(bytes: blob.bytes), blob.descriptor.digest, to: name)
      }
    }
    fixture.registry.addManifest(
      try list.manifest.serialized(), to: name, tag: "sha256-\(digest.hex).sig")
  }

  private func isUntouched(_ model: FakeModel, _ fixture: LibraryFixture) async throws -> Bool {
    let isAsked = model.manifest.blobs.contains { !fixture.registry.requests(at: $0.digest.description).isEmpty }
    let isEmpty = try await fixture.library.list().isEmpty
    return !isAsked && isEmpty
  }

  @Test func aSignedModelIsPulledWhereSignaturesAreEnforced() async throws {
    try await LibraryFixture.with(signatures: try policy(.enforce, keys: [key.verificationKey])) { fixture in
      let model = try fixture.registry.addModel("org/m")
      try sign(model.digest, "org/m", in: fixture, by: [SigningKey(), key, SigningKey()])
      let lines = try await fixture.pull(fixture.name("org/m"))
      #expect(lines.first?.type == .progress)
      #expect(
        lines.first?.message
          == "Signature verified: key \(key.verificationKey.fingerprint.short) from \(key.verificationKey.origin)")
      #expect(lines.last?.type == .success)
      let byDigest = try await fixture.pull(fixture.registry.reference("org/m", digest: model.digest).description)
      #expect(byDigest.last?.type == .success)
    }
  }

  @Test func whatIsNotSignedWellIsRefusedBeforeAnythingMoves() async throws {
    try await LibraryFixture.with(signatures: try policy(.enforce, keys: [key.verificationKey])) { fixture in
      let unsigned = try fixture.registry.addModel("org/unsigned")
      let strange = try fixture.registry.addModel("org/strange")
      try sign(strange.digest, "org/strange", in: fixture, by: [SigningKey()])
      let other = try fixture.registry.addModel("org/other")
      try sign(other.digest, "org/other", in: fixture, by: [key], as: "docker.io/org/else")
      // Signatures of one model in the place of another's.
      let moved = try fixture.registry.addModel("org/moved")
      try sign(unsigned.digest, "org/moved", in: fixture, by: [key])
      let list = try #require(fixture.registry.manifest("sha256-\(unsigned.digest.hex).sig", in: "org/moved"))
      fixture.registry.addManifest(list, to: "org/moved", tag: "sha256-\(moved.digest.hex).sig")
      let broken = try fixture.registry.addModel("org/broken")
      fixture.registry.addManifest(Array("[]".utf8), to: "org/broken", tag: "sha256-\(broken.digest.hex).sig")

      for (name, model, reason) in [
        ("org/unsigned", unsigned, "it is not signed"), ("org/strange", strange, "by a key that is trusted"),
        ("org/other", other, "signed as \"docker.io/org/else\""), ("org/moved", moved, "for another model"),
        ("org/broken", broken, "is something else"),
      ] {
        let error = await libraryError { try await fixture.library.pull(fixture.name(name)) }
        #expect(error?.code == .unverified)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("the configuration wants it signed (signatures, **)") == true)
        #expect(try await isUntouched(model, fixture))
      }
    }
  }

  @Test func signaturesThatCannotBeReadAreNone() async throws {
    try await LibraryFixture.with(signatures: try policy(.enforce, keys: [key.verificationKey])) { fixture in
      let model = try fixture.registry.addModel("org/m")
      try sign(model.digest, "org/m", in: fixture, by: [key])
      let tag = "sha256-\(model.digest.hex).sig"
      fixture.registry.inject(.status(500), at: "manifests/\(tag)", times: 10)
      let down = await libraryError { try await fixture.library.pull(fixture.name("org/m")) }
      #expect(down?.code == .unverified)
      #expect(down?.message.contains("can't be read") == true)

      try await LibraryFixture.with(signatures: fixture.library.signaturePolicy) { fixture in
        fixture.registry.add(model, to: "org/m")
        try sign(model.digest, "org/m", in: fixture, by: [key])
        let payload = try key.sign(model.digest, in: fixture.registry.reference("org/m")).payload
        fixture.registry.removeBlob(Digest(of: payload), from: "org/m")
        let gone = await libraryError { try await fixture.library.pull(fixture.name("org/m")) }
        #expect(gone?.code == .unverified)
        #expect(gone?.message.contains("can't be read") == true)
        #expect(try await isUntouched(model, fixture))
      }
    }
  }

  @Test func aWarningIsALineAndThePullGoesOn() async throws {
    try await LibraryFixture.with(signatures: try policy(.warn, keys: [key.verificationKey])) { fixture in
      try fixture.registry.addModel("org/m")
      for isCached in [false, true] {
        let lines = try await fixture.pull(fixture.name("org/m"))
        let warnings = lines.filter { $0.type == .warning }
        #expect(warnings.map(\.message.description).first?.contains("it is not signed; pulled all the same") == true)
        #expect(warnings.count == 1)
        #expect(lines.last?.message.hasPrefix(isCached ? "Using cached" : "Model pulled") == true)
      }
    }
  }

  @Test func nothingIsAskedForWhereNothingIsWanted() async throws {
    let off = try policy(.off, keys: [key.verificationKey])
    for signatures in [SignaturePolicy(), off, try policy(.enforce, keys: [], "docker.io/**")] {
      try await LibraryFixture.with(signatures: signatures) { fixture in
        try fixture.registry.addModel("org/m")
        #expect(try await fixture.pull(fixture.name("org/m")).last?.type == .success)
        #expect(!fixture.registry.requests.contains { $0.path.hasSuffix(".sig") })
      }
    }
  }

  @Test func aCopyIsGoodUnderTheNamesThatTheRuleGives() async throws {
    let rule = try policy(.enforce, keys: [key.verificationKey], signedAs: ["docker.io/org/*"])
    try await LibraryFixture.with(signatures: rule) { fixture in
      let model = try fixture.registry.addModel("mirror/m")
      try sign(model.digest, "mirror/m", in: fixture, by: [key], as: "docker.io/org/m")
      #expect(try await fixture.pull(fixture.name("mirror/m")).last?.type == .success)
    }
  }

  @Test func aClientCanDemandWhatNoRuleDoes() async throws {
    try await LibraryFixture.with { fixture in
      let signed = try fixture.registry.addModel("org/signed")
      try sign(signed.digest, "org/signed", in: fixture, by: [key])
      let unsigned = try fixture.registry.addModel("org/unsigned")
      let demand = SignatureDemand(keys: [key.verificationKey])
      let lines = try await fixture.library.pull(fixture.name("org/signed"), verifying: demand)
        .reduce(into: []) { $0.append($1) }
      #expect(lines.last?.type == .success)
      let refused = await libraryError {
        try await fixture.library.pull(fixture.name("org/unsigned"), verifying: demand)
      }
      #expect(refused?.code == .unverified)
      #expect(!fixture.registry.requests.contains { $0.path.hasSuffix(unsigned.config.digest.description) })
      let noKeys = await libraryError {
        try await fixture.library.pull(fixture.name("org/signed"), verifying: SignatureDemand())
      }
      #expect(noKeys?.code == .invalidRequest)
      #expect(noKeys?.message.contains("--key") == true)
    }
  }

  @Test func aDemandUsesTheRulesKeysAndDoesNotWeakenTheRule() async throws {
    try await LibraryFixture.with(signatures: try policy(.warn, keys: [key.verificationKey])) { fixture in
      let unsigned = try fixture.registry.addModel("org/unsigned")
      let refused = await libraryError {
        try await fixture.library.pull(fixture.name("org/unsigned"), verifying: SignatureDemand())
      }
      #expect(refused?.code == .unverified)
      #expect(try await isUntouched(unsigned, fixture))
    }
    try await LibraryFixture.with(signatures: try policy(.enforce, keys: [key.verificationKey])) { fixture in
      let own = SigningKey()
      let model = try fixture.registry.addModel("org/m")
      try sign(model.digest, "org/m", in: fixture, by: [own])
      let refused = await libraryError {
        try await fixture.library.pull(
          fixture.name("org/m"), verifying: SignatureDemand(keys: [own.verificationKey]))
      }
      #expect(refused?.code == .unverified)
      try sign(model.digest, "org/m", in: fixture, by: [own, key])
      let stream = try await fixture.library.pull(
        fixture.name("org/m"), verifying: SignatureDemand(keys: [own.verificationKey]))
      let lines = await stream.reduce(into: []) { $0.append($1) }
      #expect(lines.filter { $0.message.hasPrefix("Signature verified") }.count == 2)
    }
  }

  @Test func aPullThatVerifiesDoesNotJoinOneThatDoesNot() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m")
      fixture.registry.inject(.stall(afterBytes: 10), at: model.layers[0].digest.description)
      let plain = try await fixture.library.pull(fixture.name("org/m"))
      let refused = await libraryError {
        try await fixture.library.pull(
          fixture.name("org/m"), verifying: SignatureDemand(keys: [key.verificationKey]))
      }
      #expect(refused?.code == .unverified)
      try sign(model.digest, "org/m", in: fixture, by: [key])
      let verifying = try await fixture.library.pull(
        fixture.name("org/m"), verifying: SignatureDemand(keys: [key.verificationKey]))
      // Both want the same blob.
      await fixture.releasingStalls {
        async let first = plain.reduce(into: []) { $0.append($1) }
        async let second = verifying.reduce(into: []) { $0.append($1) }
        for lines in await [first, second] { #expect(lines.last?.type == .success) }
      }
    }
  }

  @Test func aRefusedUpdateLeavesTheModelThatIsHere() async throws {
    try await LibraryFixture.with(signatures: try policy(.enforce, keys: [key.verificationKey])) { fixture in
      let good = try fixture.registry.addModel("org/m")
      try sign(good.digest, "org/m", in: fixture, by: [key])
      try await fixture.pull(fixture.name("org/m"))
      try fixture.registry.addModel("org/m")
      let refused = await libraryError { try await fixture.library.pull(fixture.name("org/m")) }
      #expect(refused?.code == .unverified)
      let model = try await fixture.library.resolve(fixture.name("org/m"))
      #expect(model.id == good.digest)
    }
  }

  @Test func sourcesWithoutSignaturesAreTreatedAsUnsigned() async throws {
    try await LibraryFixture.with(signatures: try policy(.enforce, keys: [key.verificationKey])) { fixture in
      let refused = await libraryError { try await fixture.library.pull("hf.co/org/m") }
      #expect(refused?.code == .unverified)
      #expect(refused?.message.contains("has no signatures") == true)
    }
  }

  @Test func aPushedSignatureIsFoundByAPull() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m")
      try await fixture.pull(fixture.name("org/m"))
      let target = fixture.name("team/copy", tag: "v1")
      try await fixture.library.tag(fixture.name("org/m"), as: target)
      let reference = fixture.registry.reference("team/copy", tag: "v1")
      for signer in [key, SigningKey(), key] {
        let stream = try await fixture.library.push(
          target, signature: try signer.sign(model.digest, in: reference))
        #expect(await stream.reduce(into: []) { $0.append($1) }.last?.type == .success)
      }
      // The third was there already.
      let stored = try #require(fixture.registry.manifest("sha256-\(model.digest.hex).sig", in: "team/copy"))
      #expect(try SignatureList(decoding: stored).entries.count == 2)
      let manifests = fixture.registry.requests("PUT", at: "").map(\.path).filter { $0.contains("/manifests/") }
      #expect(manifests.first?.hasSuffix(".sig") == true)
      #expect(manifests.count == 5)

      let lines = try await fixture.library.pull(
        target, verifying: SignatureDemand(keys: [key.verificationKey])
      ).reduce(into: []) { $0.append($1) }
      #expect(lines.last?.type == .success)
    }
  }

  /// Signs `model` while others, who have read the list before, put theirs in its place `times` times.
  private func sign(_ model: FakeModel, in fixture: LibraryFixture, whileOthersOverwrite times: Int) async throws {
    let others = SigningKey()
    let races = Counter()
    let retries = RetryPolicy(
      random: { 1 },
      sleep: { _ in
        guard races.value < times else { return }
        races.increment()
        try sign(model.digest, "org/m", in: fixture, by: [others])
      })
    let place = fixture.registry.reference("org/m")
    let upload = SignatureUpload(
      source: fixture.library.source, reference: place, bearerToken: nil,
      signature: try key.sign(model.digest, in: place), retryPolicy: retries)
    try await upload.run(model.digest)
  }

  @Test func aSignatureThatGotLostIsPushedAgain() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m")
      try await sign(model, in: fixture, whileOthersOverwrite: 2)
      let stored = try #require(fixture.registry.manifest("sha256-\(model.digest.hex).sig", in: "org/m"))
      #expect(try SignatureList(decoding: stored).entries.count == 2)
      let lines = try await fixture.library.pull(
        fixture.name("org/m"), verifying: SignatureDemand(keys: [key.verificationKey])
      ).reduce(into: []) { $0.append($1) }
      #expect(lines.last?.type == .success)
    }
  }

  @Test func aSignatureThatGetsLostAllTheTimeIsAnError() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m")
      let error = await libraryError { try await sign(model, in: fixture, whileOthersOverwrite: .max) }
      #expect(error?.code == .conflict && error?.message.contains("push it again") == true)
    }
  }

  @Test func aSignatureThatDoesNotFitIsNotPushed() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m")
      try await fixture.pull(fixture.name("org/m"))
      let here = fixture.registry.reference("org/m")
      for wrong in [
        try key.sign(Digest(ofText: "another"), in: here),
        try key.sign(model.digest, in: fixture.registry.reference("org/other")),
      ] {
        let error = await libraryError { try await fixture.library.push(fixture.name("org/m"), signature: wrong) }
        #expect(error?.code == .invalidRequest)
      }
      #expect(!fixture.registry.requests.contains { $0.method == "PUT" })
    }
  }

  @Test func whatIsNoListOfSignaturesIsNotReplaced() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m")
      try await fixture.pull(fixture.name("org/m"))
      let tag = "sha256-\(model.digest.hex).sig"
      fixture.registry.addManifest(Array("[]".utf8), to: "org/m", tag: tag)
      let signed = try key.sign(model.digest, in: fixture.registry.reference("org/m"))
      let lines = try await fixture.library.push(fixture.name("org/m"), signature: signed)
        .reduce(into: []) { $0.append($1) }
      #expect(lines.last?.type == .error)
      #expect(fixture.registry.manifest(tag, in: "org/m") == Array("[]".utf8))
    }
  }
}

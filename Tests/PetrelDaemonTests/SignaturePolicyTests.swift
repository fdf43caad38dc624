// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelSigning
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelDaemon

@Suite struct SignaturePolicyTests {
  private let key = SigningKey().verificationKey

  private func load(_ file: String) async throws -> DaemonConfiguration {
    try await withTemporaryFolder { folder in
      try folder.appending("config.yaml").write(file)
      try folder.appending("keys/a.pub").write(key.pem)
      try folder.appending("home/b.pub").write(key.pem)
      return try DaemonConfiguration.load(
        flags: [:], environment: ["PETREL_HOME": folder.string], userHome: folder.appending("home"),
        workingDirectory: "/work", processors: 2)
    }
  }

  @Test func rulesAreReadWithTheirKeys() async throws {
    let configuration = try await load(
      """
      port: 1
      signatures:
        - repository: docker.io/myorg/test-*
          policy: off
        - repository: mirror.lan/**
          policy: enforce
          keys: [keys/a.pub, ~/b.pub]
          signed-as: docker.io/myorg/*
        - {repository: "**", policy: warn, keys: keys/a.pub}
      """)
    let rules = configuration.signaturePolicy.rules
    #expect(rules.map(\.action) == [.off, .enforce, .warn])
    #expect(rules.map(\.repositories.description) == ["docker.io/myorg/test-*", "mirror.lan/**", "**"])
    #expect(rules.map(\.requirement.keys.count) == [0, 2, 1])
    #expect(rules[1].requirement.keys.map(\.fingerprint) == [key.fingerprint, key.fingerprint])
    #expect(rules[1].requirement.signedAs.map(\.description) == ["docker.io/myorg/*"])
    let row = try #require(configuration.rows.first { $0.key == "signatures" })
    #expect(row.value == "docker.io/myorg/test-* off, mirror.lan/** enforce, ** warn")
    #expect(configuration.port == 1)
    #expect(configuration.warnings.isEmpty)
  }

  @Test func withoutRulesThereAreNone() async throws {
    let configuration = try await load("port: 1\n")
    #expect(configuration.signaturePolicy == SignaturePolicy())
    #expect(configuration.rows.contains { $0.key == "signatures" && $0.value.isEmpty && $0.source == .builtIn })
  }

  @Test(arguments: [
    ("signatures: off", "must be a list of rules"),
    ("signatures: [off]", "rule 1: must have repository and policy"),
    ("signatures: [{policy: off}]", "repository must be one pattern"),
    ("signatures: [{repository: docker.io/a/b}]", "policy must be off, warn or enforce"),
    ("signatures: [{repository: docker.io/a/b, policy: strict}]", "policy must be off, warn or enforce"),
    ("signatures: [{repository: docker.io/a/b, policy: enforce}]", "keys must name a file"),
    ("signatures: [{repository: a/b, policy: off}]", "docker.io/a/b"),
    ("signatures: [{repository: docker.io/a/b, policy: warn, key: x}]", "key is not known; want repository"),
    ("signatures: [{repository: docker.io/a/b, policy: warn, keys: none.pub}]", "none.pub can't be read"),
    ("signatures: [{repository: docker.io/a/b, policy: warn, keys: config.yaml}]", "there is no key in it"),
    ("signatures: [{repository: docker.io/a/b, policy: warn, keys: {a: b}}]", "keys must be text"),
    ("signatures:\n- {repository: docker.io/a/b, policy: off}\n- 3", "rule 2:"),
  ])
  func aMistakeKeepsTheDaemonFromStarting(_ file: String, _ reason: String) async throws {
    let error = await #expect(throws: ConfigurationError.self) { try await load(file) }
    #expect(error?.message.contains("config.yaml: signatures: ") == true)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelSigning
import Testing

@Suite struct RepositoryPatternTests {
  @Test(arguments: [
    ("docker.io/myorg/demo", "myorg/demo:v2", true), ("docker.io/myorg/demo", "myorg/demo2", false),
    ("docker.io/myorg/*", "myorg/demo", true), ("docker.io/myorg/*", "myorg/a/b", false),
    ("docker.io/myorg/**", "myorg/a/b", true), ("docker.io/*/demo", "other/demo", true),
    ("docker.io/my*/d*o", "myorg/demo", true), ("docker.io/my*/d*o", "myorg/demon", false),
    ("index.docker.io/ai/*", "smollm2", true), ("hf.co/**", "hf.co/Org/Model:Q4", true),
    ("registry.lan:5000/**", "registry.lan:5000/a", true), ("registry.lan:5000/**", "registry.lan/a", false),
    ("*.example.com/**", "eu.example.com/a/b", true), ("*.example.com/**", "example.com/a/b", false),
    ("*.example.com/**", "a.b.example.com/c", true), ("localhost:*/team/*", "localhost:5000/team/demo", true),
    ("**", "anything.example/at/all", true), ("**/demo", "ghcr.io/x/demo", true), ("**/demo", "ghcr.io/x/other", false),
    ("[::1]:5000/**", "[::1]:5000/m", true),
  ])
  func matches(_ pattern: String, _ name: String, _ expected: Bool) throws {
    #expect(try RepositoryPattern(parsing: pattern).matches(try ModelReference(parsing: name)) == expected)
  }

  @Test(arguments: [
    ("", "1 to 255"), ("myorg/*", "docker.io/myorg/*"), ("demo", "begin with the registry"),
    ("docker.io", "begin with the registry"), ("docker.io/", "begin with the registry"),
    ("docker.io/MyOrg/*", "lower-case"), ("docker.io/my org", "lower-case"),
    ("docker.io/myorg/demo:v1", "leave the tag out"), (String(repeating: "a", count: 256), "1 to 255"),
  ])
  func refusesWhatWouldNeverMatch(_ pattern: String, _ reason: String) {
    let error = #expect(throws: SigningError.self) { try RepositoryPattern(parsing: pattern) }
    #expect(error?.message.contains(reason) == true)
  }

  /// A backtracking matcher would never come to an end.
  @Test func manyStarsTakeNoTime() throws {
    let pattern = try RepositoryPattern(parsing: "docker.io/" + String(repeating: "a*", count: 100) + "b")
    let name = try ModelReference(parsing: "docker.io/x/" + String(repeating: "a", count: 200))
    #expect(!pattern.matches(name))
  }

  @Test func theFirstRuleCounts() throws {
    func rule(_ pattern: String, _ action: SignatureRule.Action) throws -> SignatureRule {
      SignatureRule(
        repositories: try RepositoryPattern(parsing: pattern), action: action,
        requirement: SignatureRequirement(keys: []))
    }
    let policy = SignaturePolicy(
      rules: [try rule("docker.io/myorg/test-*", .off), try rule("docker.io/myorg/*", .enforce), try rule("**", .warn)])
    func action(_ name: String) throws -> SignatureRule.Action? {
      policy.rule(for: try ModelReference(parsing: name))?.action
    }
    #expect(try action("myorg/test-1") == .off)
    #expect(try action("myorg/demo") == .enforce)
    #expect(try action("smollm2") == .warn)
    #expect(SignaturePolicy().rule(for: try ModelReference(parsing: "smollm2")) == nil)
  }
}

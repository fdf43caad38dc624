// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Testing

@Suite struct ModelReferenceTests {
  private static let hex = String(repeating: "0123456789abcdef", count: 4)

  @Test(arguments: [
    ("gemma3", "docker.io/ai/gemma3:latest"),
    ("  gemma3\n", "docker.io/ai/gemma3:latest"),
    ("Gemma3:V1", "docker.io/ai/gemma3:V1"),
    ("myorg/Model:Q4", "docker.io/myorg/model:Q4"),
    ("docker.io/foo", "docker.io/ai/foo:latest"),
    ("index.docker.io/foo:v", "docker.io/ai/foo:v"),
    ("registry-1.docker.io/ai/x", "docker.io/ai/x:latest"),
    ("localhost:5000/foo", "localhost:5000/foo:latest"),
    ("localhost/foo", "localhost/foo:latest"),
    ("myhost.local/x", "myhost.local/x:latest"),
    ("127.0.0.1:5000/x", "127.0.0.1:5000/x:latest"),
    ("[::1]:5000/x", "[::1]:5000/x:latest"),
    ("a/b/c/d:e", "docker.io/a/b/c/d:e"),
    ("hf.co/Org/Model:Q4_K_M", "huggingface.co/org/model:Q4_K_M"),
    ("HF.co/Org/Model", "huggingface.co/org/model:latest"),
    ("GHCR.IO/Org/Model", "ghcr.io/org/model:latest"),
    ("model:", "docker.io/ai/model:latest"),
    ("docker.io", "docker.io/ai/docker.io:latest"),
    ("ai/\(hex)", "docker.io/ai/\(hex):latest"),
    ("docker.io/ai/org/model", "docker.io/ai/org/model:latest"),
    ("docker.io/localhost/model", "docker.io/localhost/model:latest"),
    ("1234567890ab", "docker.io/ai/1234567890ab:latest"),
    ("smollm2@sha256:\(hex)", "docker.io/ai/smollm2@sha256:\(hex)"),
    ("ai/Foo:TAG@sha256:\(hex)", "docker.io/ai/foo@sha256:\(hex)"),
    ("localhost:5000/a@sha256:\(hex)", "localhost:5000/a@sha256:\(hex)"),
    ("a__b/c---d.e_f:_x.Y-z", "docker.io/a__b/c---d.e_f:_x.Y-z"),
  ])
  func workedExamples(text: String, canonical: String) throws {
    let reference = try ModelReference(parsing: text)
    #expect(reference.description == canonical)
    // Normalising twice changes nothing.
    #expect(try ModelReference(parsing: canonical) == reference)
    #expect(try ModelReference(parsing: reference.displayName) == reference)
  }

  @Test(arguments: [
    "", "   ", ":", ":v1", "/", "a//b", "/a", "a/", "a:b:c", "a b", "a:-x", "a:x y", "a:b/c:d", "-a", "a-", "a..b",
    "a___b",
    "a@", "a@sha256:abc", "a@sha512:\(hex)\(hex)", "@sha256:\(hex)", "a@sha256:\(hex.uppercased())", hex,
    "sha256@\(hex)",
    "https://huggingface.co/org/model", "host:99999/x", "host:0/x", "host:/x", "host:x/y", "[::1/x", "[::1]x/y",
    "[zz]/a",
    "-host.io/x", "host.io-/x", "a..b.io/x", "host.io/", "host:5000/", "ü/x", "a:ü", "a\u{0}b", "../x",
    "docker.io/../x", "a:" + String(repeating: "t", count: 129), String(repeating: "n", count: 256),
  ])
  func malformedReferences(text: String) {
    do {
      let reference = try ModelReference(parsing: text)
      Issue.record("\(text.debugDescription) was read as \(reference)")
    } catch {
      #expect(error.code == .invalidReference)
      #expect(error.message.hasPrefix("invalid reference "))
    }
  }

  @Test func theLongestTagAndNameAreAccepted() throws {
    let tag = String(repeating: "t", count: 128)
    #expect(try ModelReference(parsing: "a:" + tag).tag == tag)
    let name = "o/" + String(repeating: "n", count: 253)
    #expect(try ModelReference(parsing: name).repository == name)
    #expect(throws: OCIError.self) { try ModelReference(parsing: name + "n") }
  }

  @Test(arguments: [
    ("model", "registry.example.com/ai/model:latest"), ("a/b:c", "registry.example.com/a/b:c"),
    ("localhost/x", "localhost/x:latest"), ("docker.io/x", "docker.io/ai/x:latest"),
    ("hf.co/a/b", "huggingface.co/a/b:latest"),
  ])
  func anotherDefaultRegistryServesOnlyNamesWithoutOne(text: String, canonical: String) throws {
    let reference = try ModelReference(parsing: text, defaultRegistry: "registry.example.com")
    #expect(reference.description == canonical)
  }

  @Test(arguments: [
    ("ai/gemma3:latest", "gemma3"), ("gemma3:latest", "gemma3"), ("docker.io/ai/gemma3:latest", "gemma3"),
    ("index.docker.io/ai/gemma3:latest", "gemma3"), ("docker.io/ai/gemma3:v1", "gemma3:v1"),
    ("index.docker.io/myorg/gemma3:latest", "myorg/gemma3"), ("hf.co/bartowski/model:latest", "hf.co/bartowski/model"),
    ("hf.co/bartowski/model:Q4_K_S", "hf.co/bartowski/model:Q4_K_S"),
  ])
  func displayNamesLeadBackToTheirReference(tag: String, name: String) throws {
    #expect(ModelReference.displayName(of: tag) == name)
    #expect(try ModelReference(parsing: name) == ModelReference(parsing: tag))
  }

  @Test func anEmptyTagHasAnEmptyDisplayName() {
    #expect(ModelReference.displayName(of: "").isEmpty)
  }

  /// References drawn at random from all that the grammar has.
  @Test func shortFormsOfAnyReferenceLeadBackToIt() throws {
    var random = SystemRandomNumberGenerator()
    let registries = ["docker.io", "huggingface.co", "localhost", "localhost:5000", "ghcr.io", "127.0.0.1:80", "[::1]"]
    let parts = [
      "ai", "a", "library", "latest", "x.y", "a_b", "a__b", "a---b", "0", "docker.io", "localhost", "sha256",
    ]
    let tags = ["latest", "v1", "Q4_K_M", "_", "0", "ai", "LATEST"]
    for _ in 0..<3000 {
      var path = (0..<Int.random(in: 1...3, using: &random)).compactMap { _ in parts.randomElement(using: &random) }
      let registry = try #require(registries.randomElement(using: &random))
      if registry == "docker.io", path.count == 1 { path.insert("ai", at: 0) }
      let version: ModelReference.Version =
        Bool.random(using: &random)
        ? .tag(try #require(tags.randomElement(using: &random))) : .digest(try #require(Digest(hex: Self.hex)))
      let reference = ModelReference(registry: registry, repository: path.joined(separator: "/"), version: version)
      #expect(try ModelReference(parsing: reference.description) == reference)
      #expect(try ModelReference(parsing: reference.displayName) == reference, "\(reference)")
    }
  }

  @Test(arguments: [
    ("localhost/x", true), ("localhost:5000/x", true), ("127.0.0.1:5000/x", true), ("[::1]:5000/x", true),
    ("127.evil.com/x", false), ("localhost.evil.com/x", false), ("ghcr.io/x", false), ("x", false),
  ])
  func loopbackRegistries(text: String, isLoopback: Bool) throws {
    #expect(try ModelReference(parsing: text).isLoopbackRegistry == isLoopback)
  }
}

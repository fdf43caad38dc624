// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTestSupport
import Testing

/// Damaged documents and names: they are read or refused, never more than that, and what is read stays what it is.
@Suite struct OCIFuzzTests {
  private static let hex = String(repeating: "0123456789abcdef", count: 4)

  private static var manifests: [[UInt8]] {
    [
      #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"#
        + #""\#(MediaType.configV01)","size":541,"digest":"sha256:\#(hex)"},"layers":[{"mediaType":"\#(MediaType.gguf)","#
        + #""size":512,"digest":"sha256:\#(hex)","annotations":{"org.cncf.model.filepath":"tiny.gguf"}}]}"#,
      #"{"schemaVersion":2,"artifactType":"\#(MediaType.cncfManifest)","config":{"mediaType":"\#(MediaType.configCNCF)","#
        + #""size":1,"digest":"sha256:\#(hex)"},"layers":null,"annotations":{"a":"b"}}"#,
    ].map { Array($0.utf8) }
  }

  @Test func damagedManifests() async throws {
    var accepted = 0
    try await Fuzzing.each(of: Self.manifests, rounds: 1000) { (bytes: [UInt8], round: Int) throws in
      guard let manifest = try? Manifest(decoding: bytes) else { return }
      accepted += 1
      #expect(MediaType.supportedConfigs.contains(manifest.config.mediaType), "round \(round)")
      #expect(manifest.blobs.allSatisfy { $0.size >= 0 }, "round \(round)")
      #expect(try Manifest(decoding: manifest.serialized()) == manifest, "round \(round)")
    }
    #expect(accepted > 0)
  }

  @Test func damagedConfigs() async throws {
    let seeds = [
      #"{"config":{"format":"gguf","quantization":"Q","parameters":"12","gguf":{"a":"b"},"context_size":4096},"#
        + #""descriptor":{"created":"2025-06-15T12:00:00.5Z"},"rootfs":{"type":"rootfs","diff_ids":[]}}"#,
      #"{"descriptor":{"createdAt":"2025-06-15T12:00:00Z","family":"llama"},"modelfs":{"type":"layers","#
        + #""diffIds":["sha256:\#(Self.hex)"]},"config":{"paramSize":"12","format":"GGUF"}}"#,
    ].map { Array($0.utf8) }
    try await Fuzzing.each(of: seeds, rounds: 1000) { (bytes: [UInt8], round: Int) throws in
      guard let summary = try? ConfigSummary(decoding: bytes) else { return }
      #expect(!summary.isModelPack || summary.config.contextSize == nil, "round \(round)")
      if let pack = try? ModelPackConfigFile(decoding: bytes) {
        #expect(try ModelPackConfigFile(decoding: pack.serialized()) == pack, "round \(round)")
      }
    }
  }

  /// Whatever a path says, its components lead to a file below the folder, and saying them again changes nothing.
  @Test func damagedPaths() async {
    let seeds = ["a/b/c.gguf", "../../home/u/x", "./a//b/../c", "..a/.../b", "/etc/passwd"].map { Array($0.utf8) }
    await Fuzzing.each(of: seeds, rounds: 3000) { bytes, round in
      let text = String(decoding: bytes, as: UTF8.self)
      for components in [try? ModelPath.components(of: text), try? ModelPath.repairedComponents(of: text)] {
        guard let components else { continue }
        #expect(!components.isEmpty, "round \(round)")
        #expect(!components.contains { ["", ".", ".."].contains($0) }, "round \(round)")
        #expect(!components.contains { $0.utf8.contains(0) || $0.utf8.contains(UInt8(ascii: "/")) }, "round \(round)")
        #expect((try? ModelPath.components(of: components.joined(separator: "/"))) == components, "round \(round)")
      }
    }
  }

  @Test func damagedReferences() async throws {
    let seeds = [
      "smollm2", "ai/Smol_lm-2:Q4_K_M", "hf.co/Org/Model:Q8_0", "localhost:5000/a/b__c@sha256:\(Self.hex)",
      "[::1]:80/x.y:v1", "registry-1.docker.io/ai/x:latest", "sha256:\(Self.hex)", "0123456789ab", " a:B ",
    ].map { Array($0.utf8) }
    try await Fuzzing.each(of: seeds, rounds: 3000) { (bytes: [UInt8], round: Int) throws in
      let text = String(decoding: bytes, as: UTF8.self)
      for registry in ["docker.io", "reg.example:5000"] {
        guard let reference = try? ModelReference(parsing: text, defaultRegistry: registry) else { continue }
        try Self.check(reference, registry, "round \(round): \(text.debugDescription)")
      }
    }
  }

  /// Normalising twice changes nothing, and what listings print leads back to the model.
  private static func check(_ reference: ModelReference, _ registry: String, _ comment: Comment) throws {
    #expect(try ModelReference(parsing: reference.description) == reference, comment)
    #expect(try ModelReference(parsing: reference.description, defaultRegistry: registry) == reference, comment)
    let shown = ModelReference.displayName(of: reference.description, defaultRegistry: registry)
    let selector = try ModelSelector(parsing: shown, defaultRegistry: registry)
    #expect(selector.reference == reference && selector.idHex == nil, comment)
    // Spelled with other capitals and blanks it is the same.
    let loud = "\(reference.registry)/\(reference.repository)".uppercased() + suffix(of: reference) + " "
    #expect(try ModelReference(parsing: loud) == reference, comment)
  }

  private static func suffix(of reference: ModelReference) -> String {
    switch reference.version {
    case .tag(let tag): ":" + tag
    case .digest(let digest): "@\(digest)"
    }
  }

  @Test func referencesDrawnFromTheGrammar() async throws {
    var random = SeededGenerator(seed: 3)
    let registries = ["docker.io", "huggingface.co", "localhost", "localhost:5000", "ghcr.io", "127.0.0.1:80", "[::1]"]
    let parts = [
      "ai", "a", "library", "latest", "x.y", "a_b", "a__b", "a---b", "0", "docker.io", "localhost", "sha256",
      "0123456789ab", "abcdefabcdef",
    ]
    let tags = ["latest", "v1", "Q4_K_M", "_", "0", "ai", "LATEST", "0123456789ab"]
    for round in 0..<Fuzzing.rounds(800) {
      if round % 16 == 0 { await Task.yield() }
      var path = (0..<Int.random(in: 1...3, using: &random)).compactMap { _ in parts.randomElement(using: &random) }
      let registry = try #require(registries.randomElement(using: &random))
      if registry == "docker.io", path.count == 1 { path.insert("ai", at: 0) }
      let tag = ModelReference.Version.tag(try #require(tags.randomElement(using: &random)))
      let digest = ModelReference.Version.digest(try #require(Digest(hex: Self.hex)))
      let reference = ModelReference(
        registry: registry, repository: path.joined(separator: "/"),
        version: Bool.random(using: &random) ? tag : digest)
      for other in ["docker.io", "ghcr.io", "localhost:5000"] {
        try Self.check(reference, other, "round \(round): \(reference) with \(other)")
      }
    }
  }
}

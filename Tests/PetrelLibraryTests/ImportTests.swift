// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelStore
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelLibrary

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct ImportTests {
  private static let weights = TinyGGUF.bytes(template: "t")

  private func file(
    _ name: String, _ content: [UInt8], _ mediaType: String, in fixture: HubFixture, digest: Digest? = nil
  ) throws -> ImportRequest.File {
    let path = fixture.folder.appending(name.replacing("/", with: "-")).string
    try Data(content).write(to: URL(fileURLWithPath: path))
    return ImportRequest.File(path: path, mediaType: mediaType, name: name, digest: digest)
  }

  private func request(
    _ files: [ImportRequest.File], name: String = "registry.ollama.ai/library/m:1b", contextSize: Int64? = nil
  ) -> ImportRequest {
    ImportRequest(name: name, files: files, contextSize: contextSize, created: 1_714_557_600, link: true)
  }

  @Test func filesBecomeAModelAndTheSameFilesTheSameModel() async throws {
    try await HubFixture.with { fixture in
      let files = [
        try file("model.gguf", Self.weights, MediaType.gguf, in: fixture, digest: Digest(of: Self.weights)),
        try file("LICENSE", Array("MIT".utf8), MediaType.license, in: fixture),
      ]
      let response = try await fixture.library.importModel(request(files, contextSize: 8192))
      #expect(response.name == "registry.ollama.ai/library/m:1b")
      #expect(response.files.map(\.name) == ["model.gguf", "LICENSE"])
      #expect(response.files.allSatisfy { ["linked", "cloned"].contains($0.method) })
      let model = try await fixture.library.resolve(response.name)
      #expect(model.id == response.id && model.created == 1_714_557_600)
      #expect(model.config.contextSize == 8192 && model.config.quantization == "MOSTLY_Q8_0")
      #expect(model.manifest.layers.map(\.mediaType) == [MediaType.gguf, MediaType.license])
      let again = try await fixture.library.importModel(request(files, contextSize: 8192))
      #expect(again.id == response.id)
      #expect(again.files.allSatisfy { $0.method == "present" })
    }
  }

  @Test func safetensorsBecomeAFolder() async throws {
    try await HubFixture.with { fixture in
      let header = #"{"a":{"dtype":"F16","shape":[10],"data_offsets":[0,20]}}"#
      let weights =
        [UInt8(header.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(header.utf8) + [UInt8](repeating: 0, count: 20)
      let files = [
        try file("model.safetensors", weights, MediaType.safetensors, in: fixture),
        try file("config.json", Array(#"{"n_ctx":2048}"#.utf8), MediaType.modelFile, in: fixture),
        try file("sub/merges.txt", Array("a".utf8), MediaType.modelFile, in: fixture),
      ]
      let response = try await fixture.library.importModel(request(files))
      let model = try await fixture.library.resolve(response.name)
      #expect(model.manifest.config.mediaType == MediaType.configV02)
      #expect(model.config.parameters == "10.00" && model.config.contextSize == 2048)
      #expect(model.manifest.layers.map(\.annotatedPath) == ["model.safetensors", "config.json", "sub/merges.txt"])
    }
  }

  @Test func whatIsNoModelLeavesNoCopy() async throws {
    try await HubFixture.with { fixture in
      let notGGUF = try file("fake.gguf", Array("no weights".utf8), MediaType.gguf, in: fixture)
      let error = await libraryError { try await fixture.library.importModel(request([notGGUF])) }
      #expect(error?.message == "fake.gguf is not a GGUF file")
      let usage = try await fixture.library.usage()
      #expect(usage.orphans.count == 0 && usage.partials.count == 0)
    }
  }

  @Test func badRequestsLeaveNothing() async throws {
    try await HubFixture.with { fixture in
      let good = try file("model.gguf", Self.weights, MediaType.gguf, in: fixture)
      let notGGUF = try file("fake.gguf", Array("no weights".utf8), MediaType.gguf, in: fixture)
      let license = try file("LICENSE", Array("MIT".utf8), MediaType.license, in: fixture)
      var relative = good
      relative.path = "weights.gguf"
      var outside = license
      outside.name = "../LICENSE"
      var strange = license
      strange.mediaType = "application/x-tar"
      var absent = license
      absent.path = "/nowhere/LICENSE"
      var damaged = good
      damaged.digest = Digest(ofText: "other")
      let requests: [(ImportRequest, LibraryError.Code)] = [
        (request([]), .invalidRequest), (request([license, good]), .invalidRequest),
        (request([relative]), .invalidRequest), (request([good, outside]), .failed),
        (request([good, strange]), .invalidRequest), (request([good, absent]), .invalidRequest),
        (request([good, good]), .invalidRequest), (request([notGGUF]), .invalidRequest),
        (request([damaged]), .failed), (request([good], contextSize: 0), .invalidRequest),
        (request([good], name: "a//b"), .invalidReference),
      ]
      for (request, code) in requests {
        let error = await libraryError { try await fixture.library.importModel(request) }
        #expect(error?.code == code, "\(request.files.map(\.name)): \(error?.message ?? "nothing")")
      }
      let models = try await fixture.library.list()
      #expect(models.isEmpty)
    }
  }
}

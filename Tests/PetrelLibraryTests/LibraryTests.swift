// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelAPI
import PetrelOCI
import PetrelPackaging
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

@Suite struct LibraryTests {
  @Test func namesAreFoundAndMissedInTheReferencesWords() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/deep/m")
      try await fixture.pull(fixture.name("org/deep/m"))
      let library = fixture.library
      #expect(try await library.inspect("m").id == model.digest)
      #expect(try await library.inspect(model.digest.short).id == model.digest)
      #expect(await libraryError { try await library.inspect("nope") } == LibraryError(.notFound, "model not found"))
      let missing = await libraryError { try await library.resolve("m") }
      #expect(missing == LibraryError(.notFound, "get model \"m\": model not found"))
      let unknown = await libraryError { try await library.remove("m") }
      #expect(unknown == LibraryError(.notFound, "model not found"))

      try await library.tag("m", as: "alias:v1")
      #expect(try await library.resolve("alias:v1").tags == [fixture.name("org/deep/m"), "docker.io/ai/alias:v1"])
      #expect(await libraryError { try await library.tag("nope", as: "nope") }?.code == .notFound)
      let digest = await libraryError { try await library.tag("m", as: "x@\(model.digest)") }
      #expect(digest?.code == .invalidReference)
      #expect(await libraryError { try await library.remove(model.digest.hex) }?.code == .conflict)
      #expect(try await library.remove("alias:v1") == [DeleteAction(untagged: "docker.io/ai/alias:v1")])
      let actions = try await library.remove(model.digest.hex)
      #expect(actions == [DeleteAction(untagged: fixture.name("org/deep/m")), DeleteAction(deleted: model.digest)])
      // Pull, tag and two removals.
      #expect(fixture.changes.value == 4)
    }
  }

  @Test func inspectsWhatTheRegistryHas() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m")
      let remote = try await fixture.library.inspectRemote(fixture.name("org/m"))
      #expect(remote.id == model.digest && remote.tags == nil && remote.config.architecture == "llama")
      #expect(try await fixture.library.list().isEmpty)
      let missing = await libraryError { try await fixture.library.inspectRemote(fixture.name("org/none")) }
      #expect(missing?.code == .notFound)
    }
  }

  @Test func pushesWhatItPulled() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [2_000_000, 70_000])
      try await fixture.pull(fixture.name("org/m"))
      let target = fixture.name("other/copy", tag: "v2")
      try await fixture.library.tag(fixture.name("org/m"), as: target)
      let lines = try await fixture.library.push(target).reduce(into: []) { $0.append($1) }
      #expect(lines.last == ProgressLine(type: .success, message: "Model pushed successfully", mode: .push))
      #expect(lines.dropLast().allSatisfy { $0.total == 2_070_000 && $0.mode == .push })
      #expect(fixture.registry.manifest("v2", in: "other/copy") == model.manifestBytes)
      for (layer, content) in zip(model.layers, model.layerContents) {
        #expect(fixture.registry.blob(layer.digest, in: "other/copy") == content)
        #expect(lines.last { $0.layer.id == layer.digest.description }?.layer.current == layer.size)
      }
      #expect(await libraryError { try await fixture.library.push("nope") }?.code == .notFound)
    }
  }

  @Test func aFailedPushEndsInAnErrorLine() async throws {
    try await LibraryFixture.with { fixture in
      try fixture.registry.addModel("org/m")
      try await fixture.pull(fixture.name("org/m"))
      try await fixture.library.tag(fixture.name("org/m"), as: fixture.name("other/copy"))
      fixture.registry.inject(.status(403, errorCode: "DENIED"), at: "blobs/uploads/", method: "POST", times: 8)
      let stream = try await fixture.library.push(fixture.name("other/copy"))
      let lines = await stream.reduce(into: []) { $0.append($1) }
      #expect(lines.last?.type == .error && stream.failure?.code == .unauthorized)
    }
  }

  // MARK: Archives

  /// The model's archive as chunks of odd sizes.
  private func archive(of name: String, in fixture: LibraryFixture) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    for try await chunk in try await fixture.library.export(name) { bytes += chunk }
    return bytes
  }

  private func chunks(_ bytes: [UInt8]) -> AsyncStream<ByteBuffer> {
    AsyncStream { continuation in
      for start in stride(from: 0, to: bytes.count, by: 10_007) {
        continuation.yield(ByteBuffer(bytes: bytes[start..<min(start + 10_007, bytes.count)]))
      }
      continuation.finish()
    }
  }

  @Test func loadsWhatItExported() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [1_500_000, 20])
      try await fixture.pull(fixture.name("org/m"))
      let archive = try await archive(of: fixture.name("org/m"), in: fixture)
      // Again, with everything there.
      #expect(try await fixture.library.load(chunks(archive)).tags == [fixture.name("org/m")])
      _ = try await fixture.library.remove(fixture.name("org/m"))
      #expect(try await !fixture.store.contains(model.layers[0]))
      let loaded = try await fixture.library.load(chunks(archive))
      #expect(loaded.id == model.digest && loaded.tags.isEmpty)
      #expect(try await fixture.library.bundle(for: loaded).ggufPath?.isFile == true)
      #expect(try await self.archive(of: model.digest.hex, in: fixture) == archive)
    }
  }

  @Test func aTornArchiveAddsNothing() async throws {
    try await LibraryFixture.with { fixture in
      try fixture.registry.addModel("org/m", layerSizes: [300_000])
      try await fixture.pull(fixture.name("org/m"))
      let archive = try await archive(of: fixture.name("org/m"), in: fixture)
      _ = try await fixture.library.remove(fixture.name("org/m"))
      for length in [0, 700, 100_000, archive.count - 3000] {
        let torn = await libraryError { try await fixture.library.load(chunks(Array(archive[..<length]))) }
        #expect(torn != nil && torn?.message.isEmpty == false, "\(length)")
      }
      let cut = await libraryError { try await fixture.library.load(chunks(Array(archive[..<100_000]))) }
      #expect(cut == LibraryError(.invalidArchive, "model load interrupted: unexpected EOF"))
      let models = try await fixture.library.list()
      #expect(models.isEmpty)
    }
  }

  @Test func aFalsifiedBlobIsRefused() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [300_000])
      try await fixture.pull(fixture.name("org/m"))
      var archive = try await archive(of: fixture.name("org/m"), in: fixture)
      _ = try await fixture.library.remove(fixture.name("org/m"))
      archive[200_000] ^= 1
      let error = await libraryError { try await fixture.library.load(chunks(archive)) }
      #expect(error?.message.contains("blob digest mismatch for \"\(model.layers[0].digest)\"") == true)
      #expect(try await !fixture.store.contains(model.layers[0]))
      #expect(try await fixture.library.list().isEmpty)
    }
  }

  // MARK: Files of this machine

  private func adoption(of file: FilePath, tag: String?) async throws -> AdoptRequest {
    let package = try await ModelPackage.build(PackageRequest(gguf: file, created: Date(timeIntervalSince1970: 0)))
    let files = package.layers.compactMap { layer -> AdoptRequest.File? in
      guard case .file(let path, let identity?) = layer.content else { return nil }
      return AdoptRequest.File(
        digest: layer.descriptor.digest, path: path.string, size: identity.size, device: identity.device,
        inode: identity.inode, modified: identity.modified)
    }
    return AdoptRequest(
      manifest: String(decoding: package.manifestBytes, as: UTF8.self),
      config: String(decoding: package.configBytes, as: UTF8.self), files: files, tag: tag, link: false)
  }

  @Test func filesBecomeAModelInOneStep() async throws {
    try await LibraryFixture.with { fixture in
      try await withTemporaryFolder { folder in
        let file = folder.appending("m.gguf")
        try file.write("weights")
        let request = try await adoption(of: file, tag: "my/m:v1")
        let response = try await fixture.library.adopt(request)
        #expect(response.cloned + response.copied == 1 && response.linked == 0)
        let model = try await fixture.library.resolve("my/m:v1")
        #expect(model.id == response.id && fixture.changes.value == 1)
        #expect(ModelObject(model).sizeBytes == 7)
        let documents = try await fixture.library.documents("my/m:v1")
        #expect(documents.manifest == request.manifest && documents.config == request.config)
        #expect(try await fixture.library.adopt(request).present == 1)
      }
    }
  }

  @Test func filesThatAreNotWhatWasHashedAddNothing() async throws {
    try await LibraryFixture.with { fixture in
      try await withTemporaryFolder { folder in
        let file = folder.appending("m.gguf")
        try file.write("weights")
        var request = try await adoption(of: file, tag: "m")
        request.files[0].modified += 1
        #expect(await libraryError { try await fixture.library.adopt(request) }?.code == .conflict)
        request.files[0].path = "m.gguf"
        #expect(await libraryError { try await fixture.library.adopt(request) }?.code == .invalidRequest)
        request.files = []
        #expect(await libraryError { try await fixture.library.adopt(request) }?.code == .invalidArchive)
        request.tag = "m@\(Digest(ofText: ""))"
        #expect(await libraryError { try await fixture.library.adopt(request) }?.code == .invalidReference)
        request.tag = nil
        request.config = "{}"
        #expect(await libraryError { try await fixture.library.adopt(request) } != nil)
        #expect(try await fixture.library.list().isEmpty)
      }
    }
  }

  // MARK: Variants

  @Test func aVariantSharesTheLayers() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m")
      try await fixture.pull(fixture.name("org/m"))
      let variant = try await fixture.library.repackage(fixture.name("org/m"), as: "x:ctx", contextSize: 2048)
      #expect(variant.id != model.digest && variant.tags == ["docker.io/ai/x:ctx"])
      #expect(variant.manifest.layers == model.layers)
      #expect(variant.manifest.config.mediaType == model.config.mediaType)
      #expect(variant.config.contextSize == 2048 && variant.config.architecture == "llama")
      #expect(variant.created == 1_749_988_800)
      let copy = try await fixture.library.repackage("x:ctx", as: "y", contextSize: nil)
      #expect(copy.id == variant.id && copy.tags == ["docker.io/ai/x:ctx", "docker.io/ai/y:latest"])
      for size in [0, -1, Int64(Int32.max) + 1] {
        let error = await libraryError { try await fixture.library.repackage("y", as: "z", contextSize: size) }
        #expect(error?.code == .invalidRequest)
      }
      let missing = await libraryError { try await fixture.library.repackage("nope", as: "z", contextSize: 1) }
      #expect(missing == LibraryError(.notFound, "get model \"nope\": model not found"))
    }
  }

  @Test func aModelPackVariantIsRefused() async throws {
    try await LibraryFixture.with { fixture in
      let config = Array(#"{"descriptor":{"createdAt":"2025-06-15T12:00:00Z"},"config":{"paramSize":"1B"}}"#.utf8)
      let weights = Array("w".utf8)
      func descriptor(_ bytes: [UInt8], _ type: String) -> Descriptor {
        Descriptor(mediaType: type, size: Int64(bytes.count), digest: Digest(of: bytes))
      }
      let manifest = Manifest(
        config: descriptor(config, MediaType.configCNCF), layers: [descriptor(weights, MediaType.cncfWeightRaw)])
      try await fixture.store.writeBlob(config, as: manifest.config)
      try await fixture.store.writeBlob(weights, as: manifest.layers[0])
      let tag = try ModelReference(parsing: "pack")
      _ = try await fixture.store.commit(manifest: manifest.serialized(), tag: tag)
      let error = await libraryError { try await fixture.library.repackage("pack", as: "z", contextSize: 5) }
      #expect(error?.code == .invalidRequest && error?.message.contains("CNCF ModelPack") == true)
      #expect(try await fixture.library.repackage("pack", as: "z", contextSize: nil).tags.count == 2)
    }
  }
}

extension FilePath {
  var isFile: Bool { (try? stat().type) == .regular }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTar
import SystemPackage
import Testing

@testable import PetrelStore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Bundles of models that are more than GGUF files.
@Suite struct BundleKindTests {
  private typealias Layer = (mediaType: String, path: String?, bytes: [UInt8])

  private func bundle(
    _ layers: [Layer], configType: String = MediaType.configV01, format: String = "gguf", in store: ModelStore
  ) async throws -> Bundle {
    let model = try SampleModel(layers, configType: configType, config: ModelConfig(format: format))
    return try await store.bundle(for: try await model.add(to: store))
  }

  private func error(_ layers: [Layer], configType: String = MediaType.configV01) async throws -> StoreError? {
    try await withStore { store in
      do {
        _ = try await bundle(layers, configType: configType, in: store)
        return nil
      } catch let error as StoreError {
        #expect(try names(in: store.layout.root.appending("bundles").appending("sha256")).isEmpty)
        return error
      }
    }
  }

  private func entry(_ name: String, _ text: String, mode: Int = 0o644) -> [UInt8] {
    let content = bytes(text)
    return TarHeader.file(name: name, mode: mode, size: Int64(content.count)) + content
      + [UInt8](repeating: 0, count: Int(TarHeader.padding(after: Int64(content.count))))
  }

  private let weights: Layer = (MediaType.gguf, "m.gguf", bytes("w"))

  // MARK: Formats

  @Test func safetensorsKeepTheirPathsOrGetFixedNames() async throws {
    try await withStore { store in
      let annotated = try await bundle(
        [
          (MediaType.safetensors, "sub/b-00001-of-00001.safetensors", bytes("1")),
          (MediaType.safetensors, "a.safetensors", bytes("2")), (MediaType.modelFile, "config.json", bytes("{}")),
        ], format: "safetensors", in: store)
      #expect(annotated.safetensorsPath == annotated.modelDirectory.appending("a.safetensors"))
      #expect(annotated.ggufPath == nil && exists(annotated.modelDirectory.appending("config.json")))
      let plain = try await bundle(
        [(MediaType.safetensors, nil, bytes("3")), (MediaType.safetensors, nil, bytes("4"))], in: store)
      #expect(plain.safetensorsPath == plain.modelDirectory.appending("model-00001-of-00002.safetensors"))
    }
  }

  @Test func aPipelineKeepsItsName() async throws {
    try await withStore { store in
      let named = try await bundle([(MediaType.dduf, "flux.dduf", bytes("1"))], format: "dduf", in: store)
      #expect(named.ddufPath == named.modelDirectory.appending("flux.dduf"))
      let unnamed = try await bundle([(MediaType.dduf, nil, bytes("2"))], format: "dduf", in: store)
      #expect(unnamed.ddufPath?.lastComponent?.string == Digest(of: bytes("2")).hex + ".dduf")
    }
  }

  @Test func projectorsAreToldByTheirNameEverywhere() async throws {
    try await withStore { store in
      let bundle = try await bundle([(MediaType.gguf, "a-mmproj-F16.gguf", bytes("p")), weights], in: store)
      #expect(bundle.ggufPath == bundle.modelDirectory.appending("model.gguf"))
      #expect(bundle.mmprojPath == bundle.modelDirectory.appending("model.mmproj"))
      let alone = try await self.bundle([(MediaType.gguf, "mmproj.gguf", bytes("q"))], in: store)
      #expect(alone.ggufPath == alone.modelDirectory.appending("model.gguf") && alone.mmprojPath == nil)
    }
  }

  /// Seen in the wild: a ModelPack config behind Docker's media type.
  @Test func modelPackIsToldByTheConfigToo() async throws {
    try await withStore { store in
      let config = bytes(#"{"descriptor":{},"modelfs":{"type":"layers"},"config":{"format":"GGUF","paramSize":1}}"#)
      let layers: [Layer] = [
        (MediaType.cncfWeightRaw, "x/weights.bin", bytes("w")),
        (MediaType.cncfWeightConfigRaw, "x/tpl.jinja", bytes("t")), (MediaType.cncfDocRaw, "LICENSE", bytes("MIT")),
      ]
      let descriptors = layers.map { descriptor($0.bytes, $0.mediaType, path: $0.path) }
      let manifest = Manifest(config: descriptor(config, MediaType.configV01), layers: descriptors)
      for (layer, content) in zip(descriptors, layers.map(\.bytes)) { try await store.writeBlob(content, as: layer) }
      try await store.writeBlob(config, as: manifest.config)
      let model = try await store.commit(manifest: manifest.serialized())
      for _ in 1...2 {
        let bundle = try await store.bundle(for: model)
        #expect(bundle.ggufPath == bundle.modelDirectory.appending("x").appending("weights.bin"))
        // The same when it is used again.
        #expect(bundle.chatTemplatePath == bundle.modelDirectory.appending("x").appending("tpl.jinja"))
        #expect(try contents(bundle.root.appending("config.json")) == config + [0x0A])
      }
    }
  }

  @Test(arguments: [
    "application/vnd.cncf.model.weight.v1.tar+gzip", "application/vnd.cncf.model.weight.v1.tar",
    "application/vnd.docker.ai.dir.tar+zstd",
  ])
  func archivesOfOtherKindsAreRefusedByName(type: String) async throws {
    let error = try await error([weights, (type, "x", bytes("tar"))])
    #expect(error?.code == .unsupportedArtifact && error?.message.contains(type) == true)
  }

  // MARK: Archives

  @Test func foldersAreUnpackedBesideTheWeights() async throws {
    try await withStore { store in
      let first =
        TarHeader.directory(name: "tok") + entry("tok/a.json", "{}") + entry("tok/run.sh", "#!", mode: 0o777)
        + entry("./tok/x/../empty", "") + TarHeader.end
      let second = entry("tok/b.json", "[]") + TarHeader.end
      let layers: [Layer] = [
        weights, (MediaType.directoryTar, "tok.tar", first), (MediaType.directoryTar, nil, second),
        (MediaType.vllmConfigTar, nil, entry("config.json", "vllm") + TarHeader.end),
      ]
      let model = try await SampleModel(layers).add(to: store)
      let bundle = try await store.bundle(for: model)
      let folder = bundle.modelDirectory.appending("tok")
      #expect(try names(in: bundle.modelDirectory) == ["config.json", "model.gguf", "tok"])
      #expect(try names(in: folder) == ["a.json", "b.json", "empty", "run.sh"])
      #expect(try contents(folder.appending("b.json")) == bytes("[]"))
      #expect(try folder.appending("a.json").stat().permissions == [.ownerRead, .groupRead, .otherRead])
      #expect(try folder.appending("run.sh").stat().permissions.contains(.ownerExecute))
      #expect(try !folder.appending("run.sh").stat().permissions.contains(.ownerWrite))

      let inode = try bundle.root.stat().inode
      #expect(try await store.bundle(for: model) == bundle)
      #expect(try bundle.root.stat().inode == inode)
      // A file of the archive that is gone is noticed.
      try FileManager.default.removeItem(atPath: folder.appending("b.json").string)
      #expect(try await store.bundle(for: model) == bundle)
      #expect(try contents(folder.appending("b.json")) == bytes("[]"))
    }
  }

  @Test(arguments: ["../evil", "/etc/evil", "a/../../evil", "model.gguf", "model.gguf/x", "./model.gguf", "doc.txt"])
  func archivesThatReachForOtherFilesAreRefused(name: String) async throws {
    let layers: [Layer] = [
      weights, (MediaType.modelFile, "doc.txt", bytes("read me")),
      (MediaType.directoryTar, nil, entry(name, "evil") + TarHeader.end),
    ]
    let error = try await error(layers)
    #expect(error?.code == .invalidArtifact)
  }

  @Test func twoArchivesWithOneFileCollide() async throws {
    let archive = entry("x", "1") + TarHeader.end
    let other = entry("x", "2") + TarHeader.end
    let error = try await error(
      [weights, (MediaType.directoryTar, nil, archive), (MediaType.directoryTar, nil, other)])
    #expect(error?.message.hasPrefix("filepath collision: ") == true)
  }

  @Test func linksAreLeftOut() async throws {
    try await withStore { store in
      let link = TarHeader.block(name: "link", type: "2", mode: 0o777, size: 0)
      let hard = TarHeader.block(name: "model.gguf", type: "1", mode: 0o777, size: 0)
      let archive = link + hard + entry("a", "1") + TarHeader.end
      let bundle = try await bundle([weights, (MediaType.directoryTar, nil, archive)], in: store)
      #expect(try names(in: bundle.modelDirectory) == ["a", "model.gguf"])
    }
  }

  @Test func whatIsNoArchiveIsRefused() async throws {
    for bytes in [bytes("not a tar archive"), Array(entry("a", "1").dropLast(600)), entry("a", "1")] {
      let error = try await error([weights, (MediaType.directoryTar, nil, bytes)])
      #expect(error?.code == .invalidArtifact)
    }
  }

  // MARK: Sharing

  /// Docker Model Runner leaves blobs writable; an engine must not be able to write through the bundle.
  @Test func aBundleOfReadOnlyBlobsIsReadOnly() async throws {
    try await withStore { store in
      let bundle = try await bundle([weights], in: store)
      let file = try #require(bundle.ggufPath)
      #expect(try file.stat().permissions == [.ownerRead, .groupRead, .otherRead])
    }
  }

  @Test func aWritableBlobKeepsItsMode() async throws {
    try await withStore { store in
      let model = try await SampleModel([weights]).add(to: store)
      let blob = store.layout.blob(Digest(of: bytes("w")))
      try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: blob.string)
      let file = try #require(try await store.bundle(for: model).ggufPath)
      #expect(try contents(file) == bytes("w"))
      #expect(try blob.stat().permissions.contains(.ownerWrite))
    }
  }
}

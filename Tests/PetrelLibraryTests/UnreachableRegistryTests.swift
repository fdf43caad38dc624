// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelAPI
import PetrelOCI
import PetrelSigning
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

/// What a pull does when the registry cannot be asked, and what it refuses before anything moves.
@Suite struct UnreachableRegistryTests {
  @Test func theLocalModelIsUsedAndThatIsSaid() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m")
      let byDigest = fixture.registry.reference("org/m", digest: model.digest).description
      try await fixture.pull(fixture.name("org/m"))
      await fixture.registry.shutdown()
      for name in [fixture.name("org/m"), byDigest] {
        let line = try #require(try await fixture.pull(name).last)
        #expect(line.type == .success)
        #expect(line.message.hasPrefix("Using cached model: \(fixture.registry.host)/org/m"), "\(line.message)")
        #expect(line.message.contains("(\(model.digest.short)); not checked: "), "\(line.message)")
      }
      let absent = await libraryError { try await fixture.library.pull(fixture.name("org/other")) }
      #expect(absent?.code == .registry)
    }
  }

  /// A registry that says no has been asked. One that fails twice in a row has not.
  @Test func aRefusalIsNoAbsence() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m")
      let name = fixture.name("org/m")
      try await fixture.pull(name)
      fixture.registry.inject(.status(404, errorCode: "MANIFEST_UNKNOWN"), at: "manifests/latest")
      #expect(await libraryError { try await fixture.library.pull(name) }?.code == .notFound)
      fixture.registry.inject(.status(503), at: "manifests/latest")
      #expect(try await fixture.pull(name).last?.message.hasSuffix("(\(model.digest.short))") == true)
      fixture.registry.inject(.status(503), at: "manifests/latest", times: 2)
      #expect(try await fixture.pull(name).last?.message.contains("not checked: ") == true)
    }
  }

  @Test func aModelThatLostAFileIsNotUsed() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m")
      try await fixture.pull(fixture.name("org/m"))
      try FileManager.default.removeItem(atPath: fixture.store.layout.blob(model.layers[0].digest).string)
      await fixture.registry.shutdown()
      #expect(await libraryError { try await fixture.library.pull(fixture.name("org/m")) }?.code == .registry)
    }
  }

  @Test(arguments: [SignatureRule.Action.enforce, .warn])
  func whatMustBeVerifiedIsNotTakenUnseen(_ action: SignatureRule.Action) async throws {
    let key = SigningKey().verificationKey
    let rule = SignatureRule(
      repositories: try RepositoryPattern(parsing: "**"), action: action,
      requirement: SignatureRequirement(keys: [key], signedAs: []))
    try await LibraryFixture.with(signatures: SignaturePolicy(rules: [rule])) { fixture in
      let model = try fixture.registry.addModel("org/m")
      let name = fixture.registry.reference("org/m")
      for (layer, content) in zip(model.layers, model.layerContents) {
        try await fixture.store.writeBlob(Array(content.readableBytesView), as: layer)
      }
      try await fixture.store.writeBlob(model.configBytes, as: model.config)
      _ = try await fixture.store.commit(manifest: model.manifestBytes, tag: name)
      await fixture.registry.shutdown()
      if action == .enforce {
        #expect(await libraryError { try await fixture.library.pull(name.description) }?.code == .unverified)
      } else {
        let lines = try await fixture.pull(name.description)
        #expect(lines.map(\.type) == [.warning, .success])
      }
    }
  }

  @Test(arguments: [
    // Of ModelPack only a ModelPack model may have it.
    "application/vnd.cncf.model.weight.v1.tar", "application/vnd.cncf.model.weight.v1.tar+gzip",
    "application/vnd.docker.ai.gguf.v3.tar+zstd",
  ])
  func layersThatCannotBeUnpackedAreRefusedBeforeTheyMove(type: String) async throws {
    try await LibraryFixture.with { fixture in
      let model = try FakeModel(layerSizes: [5000])
      var manifest = model.manifest
      manifest.layers[0].mediaType = type
      fixture.registry.add(model, to: "org/packed")
      fixture.registry.addManifest(try manifest.serialized(), to: "org/packed", tag: "latest")
      let error = await libraryError { try await fixture.library.pull(fixture.name("org/packed")) }
      #expect(error?.code == .unsupportedArtifact)
      #expect(error?.message.contains("package the model with uncompressed files") == true)
      #expect(fixture.offsets(model.layers[0].digest).isEmpty)
    }
  }
}

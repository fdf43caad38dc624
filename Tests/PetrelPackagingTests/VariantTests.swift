// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelOCI
import PetrelPackaging
import SystemPackage
import Testing

/// Models that are made of other models.
@Suite struct VariantTests {
  let folder: Folder

  init() throws { folder = try Folder() }

  private func artifact(_ package: ModelPackage) -> StoredArtifact {
    StoredArtifact(manifest: package.manifestBytes, config: package.configBytes)
  }

  private func variant(_ source: ModelPackage, _ change: (inout PackageRequest) -> Void) async throws -> ModelPackage {
    var request = PackageRequest(source: .model(artifact(source)), created: Date())
    change(&request)
    return try await ModelPackage.build(request)
  }

  private func refusal(_ source: ModelPackage, _ change: (inout PackageRequest) -> Void) async -> PackagingError? {
    do {
      _ = try await variant(source, change)
      return nil
    } catch {
      return error as? PackagingError
    }
  }

  private func folderPackage() async throws -> ModelPackage {
    for file in Vector.safetensorsFolder { try folder.write("st/" + file.name, file.content) }
    try folder.write("st/chat_template.jinja", Vector.chatTemplate)
    return try await ModelPackage.build(
      PackageRequest(source: .directory(folder.path.appending("st")), created: Vector.created))
  }

  @Test func nothingChangedIsTheSameModel() async throws {
    let source = try await folder.packageV1()
    let copy = try await variant(source) { _ in }
    #expect(copy.manifestBytes == source.manifestBytes && copy.id == source.id)
    #expect(copy.layers.allSatisfy { $0.content == .stored })
    // Its archive holds what the other store may not have: two folders, config and manifest with their headers, end.
    #expect(ModelArchive(copy).size == 512 * (2 + 3 + 3 + 2))
  }

  /// The way from the first vector to the second: the reference writes the same bytes.
  @Test func additionsGiveTheReferencesBytes() async throws {
    let source = try await folder.packageV1()
    let license = try folder.write("LICENSE", Vector.license)
    let template = try folder.write("tpl.jinja", Vector.chatTemplate)
    let package = try await variant(source) { request in
      request.contextSize = 2048
      request.licenses = [license, license]
      request.chatTemplate = template
    }
    #expect(package.id.hex == "261c64c82645faf13e76e5db3992fed2bd873d71971438c085ac0cb462aabd80")
  }

  @Test func aNewTemplateTakesThePlaceOfTheOld() async throws {
    let first = try folder.write("one.jinja", "1".utf8)
    let second = try folder.write("two.jinja", "2".utf8)
    let projector = try folder.write("vision.gguf", "p".utf8)
    let source = try await variant(try await folder.packageV1()) { request in
      request.chatTemplate = first
      request.mmproj = projector
    }
    let package = try await variant(source) { $0.chatTemplate = second }
    #expect(package.manifest.layers.map(\.annotatedPath) == ["tiny.gguf", "vision.gguf", "two.jinja"])
    let config = try ConfigSummary(decoding: package.configBytes)
    #expect(config.created == 1_749_988_800 && config.config.contextSize == 4096)
  }

  @Test func aFoldersModelKeepsItsFlavour() async throws {
    let source = try await folderPackage()
    let license = try folder.write("LICENSE", Vector.license)
    let template = try folder.write("chat.jinja", "new".utf8)
    let config = try folder.write("config.json", "{}".utf8)
    let package = try await variant(source) { request in
      request.licenses = [license, config]
      request.chatTemplate = template
      request.contextSize = 77
    }
    #expect(package.config.mediaType == MediaType.configV02)
    #expect(
      package.manifest.layers.map(\.annotatedPath)
        == ["model.safetensors", "text_encoder/model.safetensors", "LICENSE", "config.json", "chat.jinja"])
    #expect(try ConfigSummary(decoding: package.configBytes).config.contextSize == 77)
    let folders = await refusal(source) { $0.directoryTars = [self.folder.path.appending("st")] }
    #expect(folders?.code == .unsupportedCombination)
  }

  @Test func dockersFormatBecomesModelPack() async throws {
    let license = try folder.write("LICENSE", Vector.license)
    let template = try folder.write("tpl.jinja", Vector.chatTemplate)
    let package = try await variant(try await folder.packageV1()) { request in
      request.format = .cncf
      request.licenses = [license]
      request.chatTemplate = template
    }
    // The third vector, by another way.
    #expect(package.id.hex == "a0e47c285a264f945156214415e4b6a584861e8f4a6e8e6dc088b0ccf0b26456")

    let more = try folder.write("NOTICE", "notice".utf8)
    let newTemplate = try folder.write("new.jinja", "new".utf8)
    let second = try await variant(package) { request in
      request.licenses = [more]
      request.chatTemplate = newTemplate
    }
    #expect(second.manifest.isModelPack && second.config.mediaType == MediaType.configCNCF)
    #expect(second.manifest.layers.map(\.annotatedPath) == ["tiny.gguf", "LICENSE", "NOTICE", "new.jinja"])
    #expect(
      second.manifest.layers.map(\.mediaType) == [
        MediaType.cncfWeightRaw, MediaType.cncfDocRaw, MediaType.cncfDocRaw, MediaType.cncfWeightConfigRaw,
      ])
    let config = try ModelPackConfigFile(decoding: second.configBytes)
    #expect(config.modelfs.diffIds == second.manifest.layers.map(\.digest) && config.descriptor.family == "llama")
    #expect(await refusal(package) { $0.contextSize = 5 }?.message.contains("CNCF ModelPack") == true)
    #expect(await refusal(package) { $0.format = .docker }?.code == .unsupportedCombination)
  }

  @Test func whatIsNoModelIsRefused() async throws {
    for documents in [("{}", "{}"), ("[", "{}"), (Vector.manifestV1, "[")] {
      var request = PackageRequest(
        source: .model(StoredArtifact(manifest: Array(documents.0.utf8), config: Array(documents.1.utf8))),
        created: Date())
      request.contextSize = 5
      await #expect(throws: PackagingError.self) { try await ModelPackage.build(request) }
    }
  }
}

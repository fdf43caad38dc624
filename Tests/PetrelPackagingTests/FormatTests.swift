// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelOCI
import SystemPackage
import Testing

@testable import PetrelPackaging

/// Kinds of models other than single GGUF files: folders, safetensors, DDUF, CNCF ModelPack.
@Suite struct FormatTests {
  let folder: Folder

  init() throws { folder = try Folder() }

  private func build(_ source: PackageRequest.Source, _ change: (inout PackageRequest) -> Void = { _ in }) async throws
    -> ModelPackage
  {
    var request = PackageRequest(source: source, created: Vector.created)
    change(&request)
    return try await ModelPackage.build(request)
  }

  private func refusal(
    _ source: PackageRequest.Source, _ change: (inout PackageRequest) -> Void = { _ in }
  ) async -> PackagingError? {
    do {
      _ = try await build(source, change)
      return nil
    } catch {
      return error as? PackagingError
    }
  }

  private func config(_ package: ModelPackage) throws -> ModelConfig {
    try ConfigSummary(decoding: package.configBytes).config
  }

  // MARK: The reference's bytes

  @Test func modelPackGivesTheReferencesBytes() async throws {
    let weights = try folder.write("tiny.gguf", try Vector.tinyGGUF())
    let license = try folder.write("LICENSE", Vector.license)
    let template = try folder.write("tpl.jinja", Vector.chatTemplate)
    let package = try await build(.weights(weights)) { request in
      request.format = .cncf
      request.licenses = [license]
      request.chatTemplate = template
    }
    #expect(package.manifestBytes.count == 1542 && package.configBytes.count == 428)
    #expect(package.id.hex == "a0e47c285a264f945156214415e4b6a584861e8f4a6e8e6dc088b0ccf0b26456")
    #expect(package.config.digest.hex == "b9a6425216092912740e59896c5295e0d2a098e4caf0b3758a78b0d7ed1f5545")
    #expect(package.manifest.isModelPack)
  }

  @Test func aFolderGivesTheReferencesBytes() async throws {
    for file in Vector.safetensorsFolder { try folder.write("st/" + file.name, file.content) }
    let package = try await build(.directory(folder.path.appending("st")))
    #expect(package.manifestBytes.count == 1531 && package.configBytes.count == 541)
    #expect(package.config.digest.hex == "6ab416997e9a56428a6cde3f99b162e2932f6617d2436d462a10b2b043e2941d")
    #expect(package.id.hex == "fd657e7f8dffd13d672afd36a6a34c3ecaa50e3bbb61402760efe90c1563fad4")
    #expect(package.warnings.isEmpty)
  }

  @Test func aDDUFFileGivesTheReferencesBytes() async throws {
    let package = try await build(.weights(try folder.write("sd.dduf", [UInt8](repeating: 0, count: 1500))))
    #expect(package.manifestBytes.count == 656 && package.configBytes.count == 285)
    #expect(package.id.hex == "752f98843d768481a3f68612b9b07972e364dcc0b39cdddce0c9390dedd1e025")
    #expect(package.config.digest.hex == "fabaddfc27e78d154af417b380413a2913ff6b015b2aa4b2c857baa33f91577a")
  }

  @Test(
    arguments: [
      (0, "n/a"), (-1, "n/a"), (1, "1.00B"), (999, "999.00B"), (1500, "1.50kB"), (999_999, "1000.00kB"),
      (361_821_120, "361.82MB"), (7_000_000_000_000, "7.00TB"), (.max, "9.22EB"),
    ] as [(Int64, String)])
  func sizesInWords(bytes: Int64, text: String) { #expect(DisplayText.size(bytes) == text) }

  @Test(
    arguments: [(6, "6.00"), (1000, "1.00K"), (7_000_000_000, "7.00B"), (.max, "18446744.07T")] as [(UInt64, String)])
  func parametersInWords(count: UInt64, text: String) { #expect(DisplayText.parameters(count) == text) }

  // MARK: Folders

  @Test func filesComeInTheirOrderAndUnderTheirPaths() async throws {
    for name in [
      "model.safetensors", "a/z.txt", "a.txt", "B.json", ".hidden", ".git/config", "empty.py", "LICENSE.md",
      "chat_template.jinja", "tokenizer.model",
    ] {
      try folder.write(name, name == "empty.py" ? [] : Array("{}".utf8))
    }
    try FileManager.default.createSymbolicLink(
      atPath: folder.path.appending("link.txt").string, withDestinationPath: "a.txt")
    let package = try await build(.directory(folder.path))
    #expect(
      package.manifest.layers.map(\.annotatedPath) == [
        "B.json", "LICENSE.md", "a/z.txt", "a.txt", "chat_template.jinja", "empty.py", "model.safetensors",
        "tokenizer.model",
      ])
    #expect(
      package.manifest.layers.map(\.mediaType) == [
        MediaType.modelFile, MediaType.license, MediaType.modelFile, MediaType.modelFile, MediaType.chatTemplate,
        MediaType.modelFile, MediaType.safetensors, MediaType.modelFile,
      ])
    #expect(package.config.mediaType == MediaType.configV02)
    #expect(try config(package) == ModelConfig(format: "safetensors"))
    #expect(package.warnings.count == 1)
  }

  @Test func allShardsAreSummedUpAndConfigSaysTheRest() async throws {
    for number in 1...2 {
      let tensor = #"{"t\#(number)":{"dtype":"\#(number == 1 ? "BF16" : "F16")","shape":[4,\#(number)],"#
      try folder.write(
        "m-0000\(number)-of-00002.safetensors",
        Vector.safetensors(tensor + #""data_offsets":[0,\#(8 * number)]}}"#, data: 8 * number))
    }
    try folder.write(
      "config.json", #"{"architectures":["Gemma3"],"max_length":true,"text_config":{"n_ctx":32768}}"#.utf8)
    for source in [
      PackageRequest.Source.directory(folder.path), .weights(folder.path.appending("m-00002-of-00002.safetensors")),
    ] {
      let config = try config(try await build(source))
      #expect(config.parameters == "12.00" && config.quantization == "mixed" && config.architecture == "Gemma3")
      #expect(config.safetensors == ["tensor_count": "2"] && config.contextSize == 32768)
    }
    try FileManager.default.removeItem(atPath: folder.path.appending("m-00001-of-00002.safetensors").string)
    let error = await refusal(.weights(folder.path.appending("m-00002-of-00002.safetensors")))
    #expect(error?.code == .missingShard)
    #expect(
      error?.message.contains("incomplete shard set: found 1 of 2 shards for m-00002-of-00002.safetensors") == true)
  }

  @Test(
    arguments: [
      (#"{"max_position_embeddings":8192,"n_ctx":1}"#, 8192), (#"{"max_position_embeddings":0,"n_ctx":7}"#, 7),
      (#"{"n_positions":2147483648,"model_max_length":5}"#, 5), (#"{"n_ctx":"4096"}"#, nil), ("[]", nil), ("{", nil),
      (#"{"text_config":{"text_config":{"n_ctx":5}}}"#, nil),
    ] as [(String, Int32?)])
  func contextSizesOfTransformers(text: String, size: Int32?) {
    #expect(TransformerSettings(parsing: Array(text.utf8))?.contextSize == size)
  }

  @Test func aProjectorDoesNotDescribeTheModel() async throws {
    try folder.write("a-mmproj.gguf", Vector.badGGUF)
    try folder.write("tiny.gguf", try Vector.tinyGGUF())
    let package = try await build(.directory(folder.path))
    #expect(try config(package).quantization == "MOSTLY_Q4_K_M" && package.warnings.isEmpty)
  }

  @Test func foldersWithoutWeightsAreRefused() async throws {
    #expect(await refusal(.directory(folder.path))?.message.hasPrefix("no files found in directory: ") == true)
    try FileManager.default.createSymbolicLink(
      atPath: folder.path.appending("link.gguf").string, withDestinationPath: "x")
    #expect(await refusal(.directory(folder.path))?.message.contains("1 symbolic links were left out") == true)
    let file = try folder.write("a.txt", "a".utf8)
    let none = await refusal(.directory(folder.path))
    #expect(none?.code == .nothingToPackage && none?.message.hasPrefix("no weight files ") == true)
    #expect(await refusal(.directory(file))?.message.hasPrefix("path is not a directory: ") == true)
    #expect(await refusal(.directory(folder.path.appending("none")))?.code == .fileNotFound)
    try folder.write("m.safetensors", [])
    #expect(await refusal(.directory(folder.path))?.code == .unsuitableFile)
  }

  @Test func additionsToAFolderNeedNamesOfTheirOwn() async throws {
    for file in Vector.safetensorsFolder { try folder.write("st/" + file.name, file.content) }
    let config = try folder.write("config.json", "{}".utf8)
    let license = try folder.write("LICENSE", Vector.license)
    let source = PackageRequest.Source.directory(folder.path.appending("st"))
    #expect(await refusal(source) { $0.licenses = [config] }?.code == .unsupportedCombination)
    #expect(await refusal(source) { $0.directoryTars = [self.folder.path] }?.code == .unsupportedCombination)
    let package = try await build(source) { $0.licenses = [license] }
    #expect(package.manifest.layers.last?.annotatedPath == "LICENSE")
  }

  // MARK: Other kinds

  @Test func anAdapterIsSaidToBeOne() async throws {
    var bytes = Array(try Vector.tinyGGUF())
    // general.tags, an array of two texts, becomes general.type.
    let key = Array("general.tags".utf8)
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: key) })
    let value: [UInt8] = [8, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0] + Array("adapter".utf8)
    bytes.replaceSubrange(place..<(place + 46), with: Array("general.type".utf8) + value)
    bytes += [UInt8](repeating: 0, count: 64)
    let package = try await build(.weights(try folder.write("lora.gguf", bytes)))
    #expect(package.warnings.count == 1 && package.warnings[0].contains("is a LoRA adapter for llama models"))
    let config = try config(package)
    #expect(config.gguf?["general.type"] == "adapter" && config.contextSize == nil)
  }

  @Test(.enabled(if: hasPython)) func aPipelinesIndexIsRead() async throws {
    let script = """
      import sys, zipfile
      with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_STORED) as z:
          z.writestr("unet/config.json", "{}")
          z.writestr("model_index.json", '{"_class_name": "FluxPipeline", "_diffusers_version": "0.35.0"}')
          z.comment = b"PK\\x05\\x06"
      """
    let file = folder.path.appending("flux.dduf")
    #expect(try python(script, file.string) == 0)
    #expect(
      try config(try await build(.weights(file))).diffusers == [
        "dduf_file": "flux.dduf", "layout": "dduf", "class_name": "FluxPipeline", "diffusers_version": "0.35.0",
      ])
  }

  @Test func timesCanBeHeldBack() async throws {
    let weights = try folder.write("tiny.gguf", try Vector.tinyGGUF())
    let package = try await build(.weights(weights)) { $0.latestModification = Date(timeIntervalSince1970: 86_400) }
    let metadata = package.manifest.layers[0].annotations?[LayerAnnotation.fileMetadata]
    #expect(metadata?.contains(#""mtime":"1970-01-02T00:00:00Z""#) == true)
    let later = try await build(.weights(weights)) { $0.latestModification = Vector.created }
    #expect(later.id.hex == "79142f46210bfa20d81b3db801188cf9f8464659f600f1614f4b2cc941ea3e68")
  }

  @Test func whatModelPackLacksIsRefused() async throws {
    let weights = PackageRequest.Source.weights(try folder.write("tiny.gguf", try Vector.tinyGGUF()))
    let size = await refusal(weights) {
      $0.format = .cncf
      $0.contextSize = 5
    }
    #expect(
      size?.message
        == "--context-size is not supported with --format cncf: the CNCF ModelPack specification does not define a "
        + "context size field")
    let projector = try folder.write("vision.gguf", "p".utf8)
    let package = try await build(weights) {
      $0.format = .cncf
      $0.mmproj = projector
    }
    #expect(package.manifest.layers.last?.annotatedPath == "mmproj-vision.gguf")
    #expect(package.manifest.layers.last?.mediaType == MediaType.cncfWeightRaw)
  }

  // MARK: Folders as one layer

  @Test func aFolderBecomesTheSameArchiveEveryTime() async throws {
    try folder.write("tok/b/deep.txt", "deep".utf8)
    try folder.write("tok/a.json", "{}".utf8)
    try folder.write("tok/empty", [])
    let tar = try DirectoryTar(of: folder.path.appending("tok"))
    #expect(tar.name == "tok.tar" && tar.size == 512 * (2 + 3 + 2 + 2))
    let before = try await tar.digest()
    let weights = try folder.write("tiny.gguf", try Vector.tinyGGUF())
    let package = try await build(.weights(weights)) { $0.directoryTars = [self.folder.path.appending("tok")] }
    let layer = try #require(package.manifest.layers.last)
    #expect(layer.mediaType == MediaType.directoryTar && layer.annotatedPath == "tok.tar")
    #expect(layer.digest == before && layer.size == tar.size)
    // The layer's bytes, as they are sent.
    let archive = try await bytes(of: ModelArchive(package))
    let start = try #require(
      stride(from: 0, to: archive.count, by: 512).first { archive[$0...].starts(with: Array("tok\u{0}".utf8)) })
    #expect(Digest(of: Array(archive[start..<(start + Int(tar.size))])) == before)
    #expect(archive.count == Int(ModelArchive(package).size))
    // Neither time nor owner counts, contents do.
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: folder.path.appending("tok/a.json").string)
    #expect(try await DirectoryTar(of: folder.path.appending("tok")).digest() == before)
    try folder.write("tok/a.json", "[]".utf8)
    #expect(try await DirectoryTar(of: folder.path.appending("tok")).digest() != before)
    try FileManager.default.removeItem(atPath: folder.path.appending("tok/a.json").string)
    await #expect(throws: PackagingError.self) { try await bytes(of: ModelArchive(package)) }
  }
}

private let hasPython = (try? python("", "")) == 0

private func python(_ script: String, _ argument: String) throws -> Int32 {
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = ["python3", "-c", script, argument]
  process.standardError = Pipe()
  try process.run()
  process.waitUntilExit()
  return process.terminationStatus
}

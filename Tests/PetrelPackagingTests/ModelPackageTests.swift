// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelOCI
import PetrelPackaging
import SystemPackage
import Testing

@Suite struct ModelPackageTests {
  let folder: Folder

  init() throws { folder = try Folder() }

  private func refusal(_ request: PackageRequest) async -> PackagingError? {
    do {
      _ = try await ModelPackage.build(request)
      return nil
    } catch {
      return error as? PackagingError
    }
  }

  private func request(_ weights: FilePath) -> PackageRequest {
    PackageRequest(gguf: weights, created: Vector.created)
  }

  @Test func weightsAloneGiveTheReferencesBytes() async throws {
    let package = try await folder.packageV1()
    #expect(String(decoding: package.manifestBytes, as: UTF8.self) == Vector.manifestV1)
    #expect(String(decoding: package.configBytes, as: UTF8.self) == Vector.configV1)
    #expect(package.id.hex == "79142f46210bfa20d81b3db801188cf9f8464659f600f1614f4b2cc941ea3e68")
    #expect(package.config.digest.hex == "f5b17fdf9273a708dbd4176a66241d845d52eab1b451883cd1ddd9fd0ceb037f")
    #expect(package.warnings.isEmpty)
    guard case .file(let path, let identity?) = package.layers.first?.content else {
      Issue.record("the layer is no file")
      return
    }
    #expect(path == folder.path.appending("tiny.gguf") && identity.size == 512)
  }

  @Test func contextSizeLicenseAndTemplateGiveTheReferencesBytes() async throws {
    var request = request(try folder.write("tiny.gguf", try Vector.tinyGGUF()))
    request.contextSize = 2048
    request.licenses = [try folder.write("LICENSE", Vector.license)]
    request.chatTemplate = try folder.write("tpl.jinja", Vector.chatTemplate)
    let package = try await ModelPackage.build(request)
    #expect(package.manifestBytes.count == 1475 && package.configBytes.count == 689)
    #expect(package.id.hex == "261c64c82645faf13e76e5db3992fed2bd873d71971438c085ac0cb462aabd80")
    #expect(package.config.digest.hex == "d9da0bbe298daf88dad8773e8239d66a7745f6c55b32d605010170044c06dec7")
  }

  @Test func unreadableWeightsGiveTheReferencesBytesAndAWarning() async throws {
    let package = try await ModelPackage.build(request(try folder.write("bad.gguf", Vector.badGGUF)))
    #expect(package.manifestBytes.count == 655 && package.configBytes.count == 190)
    #expect(package.id.hex == "838410898df8412fff1a2ad7db6b2781389708dcaa0d396e057f353fa700b4e6")
    #expect(package.config.digest.hex == "f6c2285ba625b53eb7c2b03963b5dd8fed9227f7b13a70574349934037b414c6")
    #expect(package.warnings.count == 1)
    #expect(package.warnings.first?.contains("bad.gguf") == true)
  }

  @Test func layersComeInAFixedOrder() async throws {
    var request = request(try folder.write("m.gguf", try Vector.tinyGGUF()))
    request.mmproj = try folder.write("proj.gguf", "projector".utf8)
    request.chatTemplate = try folder.write("t.jinja", Vector.chatTemplate)
    request.licenses = [try folder.write("B", "b".utf8), try folder.write("A", "a".utf8)]
    let package = try await ModelPackage.build(request)
    #expect(package.manifest.layers.map(\.annotatedPath) == ["m.gguf", "B", "A", "t.jinja", "proj.gguf"])
    #expect(
      package.manifest.layers.map(\.mediaType)
        == [MediaType.gguf, MediaType.license, MediaType.license, MediaType.chatTemplate, MediaType.mmproj])
    #expect(try Manifest(decoding: package.manifestBytes) == package.manifest)
  }

  @Test func allShardsArePackagedWhicheverIsNamed() async throws {
    for number in 1...3 { try folder.write("m-0000\(number)-of-00003.gguf", try Vector.tinyGGUF() + [UInt8(number)]) }
    let package = try await ModelPackage.build(request(folder.path.appending("m-00002-of-00003.gguf")))
    #expect(
      package.manifest.layers.map(\.annotatedPath)
        == ["m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"])
    let summary = try ConfigSummary(decoding: package.configBytes)
    #expect(summary.config.parameters == "36" && summary.config.size == "195B")
  }

  @Test func aMissingShardIsNamed() async throws {
    let first = try folder.write("m-00001-of-00003.gguf", try Vector.tinyGGUF())
    try folder.write("m-00003-of-00003.gguf", try Vector.tinyGGUF())
    let error = await refusal(request(first))
    #expect(error?.code == .missingShard)
    #expect(error?.message.contains("m-00002-of-00003.gguf") == true)
  }

  @Test(arguments: [0, -1, 2_147_483_648, .max, .min] as [Int64])
  func contextSizesOutOfRangeAreRefused(size: Int64) async throws {
    var request = request(try folder.write("tiny.gguf", try Vector.tinyGGUF()))
    request.contextSize = size
    let error = await refusal(request)
    #expect(error?.code == .invalidContextSize)
    #expect(error?.message.contains("\(size)") == true)
  }

  @Test(arguments: [1, 2_147_483_647] as [Int64])
  func contextSizesInRangeAreKept(size: Int64) async throws {
    var request = request(try folder.write("bad.gguf", Vector.badGGUF))
    request.contextSize = size
    let package = try await ModelPackage.build(request)
    #expect(try ConfigSummary(decoding: package.configBytes).config.contextSize == Int32(size))
  }

  @Test func unsuitableFilesAreRefused() async throws {
    let good = try folder.write("tiny.gguf", try Vector.tinyGGUF())
    #expect(await refusal(request(folder.path.appending("none.gguf")))?.code == .fileNotFound)
    #expect(await refusal(request(folder.path))?.code == .unsuitableFile)
    #expect(await refusal(request(try folder.write("empty.gguf", [])))?.code == .unsuitableFile)
    #expect(await refusal(request(try folder.write("model.bin", "{}".utf8)))?.code == .unknownFormat)
    let pipe = folder.path.appending("pipe.gguf")
    #expect(mkfifo(pipe.string, 0o600) == 0)
    #expect(await refusal(request(pipe))?.code == .unsuitableFile)
    var withLicense = request(good)
    withLicense.licenses = [folder.path.appending("LICENSE")]
    let error = await refusal(withLicense)
    #expect(error?.code == .fileNotFound)
    #expect(error?.message.contains("LICENSE") == true)
  }

  @Test func aSymbolicLinkIsFollowedAndKeepsItsOwnName() async throws {
    let blob = try folder.write("3cc26814", try Vector.tinyGGUF())
    let link = folder.path.appending("tiny.gguf")
    try FileManager.default.createSymbolicLink(atPath: link.string, withDestinationPath: blob.string)
    let package = try await ModelPackage.build(request(link))
    #expect(String(decoding: package.manifestBytes, as: UTF8.self) == Vector.manifestV1)
  }

  @Test(arguments: [
    (0, 0, "1970-01-01T00:00:00Z"), (1_735_787_045, 250_000_000, "2025-01-02T03:04:05.25Z"),
    (1_735_787_045, 1, "2025-01-02T03:04:05.000000001Z"),
    (1_735_787_045, 123_456_789, "2025-01-02T03:04:05.123456789Z"),
    (-1, 500_000_000, "1969-12-31T23:59:59.5Z"), (951_782_400, 0, "2000-02-29T00:00:00Z"),
  ])
  func modificationTimesAreWrittenInUTC(seconds: Int, nanoseconds: Int, text: String) async throws {
    let file = try folder.write("tiny.gguf", try Vector.tinyGGUF())
    let time = timespec(tv_sec: seconds, tv_nsec: nanoseconds)
    #expect(utimensat(AT_FDCWD, file.string, [time, time], 0) == 0)
    let package = try await ModelPackage.build(request(file))
    let metadata = package.manifest.layers.first?.annotations?[LayerAnnotation.fileMetadata]
    #expect(metadata?.contains(#""mtime":"\#(text)""#) == true)
  }

  @Test func theModeIsADecimalNumber() async throws {
    let file = try folder.write("tiny.gguf", try Vector.tinyGGUF())
    #expect(chmod(file.string, 0o4750) == 0)
    let package = try await ModelPackage.build(request(file))
    let metadata = package.manifest.layers.first?.annotations?[LayerAnnotation.fileMetadata]
    #expect(metadata?.contains(#""mode":488,"#) == true)
  }

  @Test func cancellationStopsHashing() async throws {
    let request = request(try folder.write("tiny.gguf", try Vector.tinyGGUF()))
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await ModelPackage.build(request)
    }
    await #expect(throws: CancellationError.self) { try await task.value }
  }
}

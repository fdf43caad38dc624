// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelOCI
import PetrelPackaging
import SystemPackage
import Testing

@Suite struct ModelArchiveTests {
  let folder: Folder

  init() throws { folder = try Folder() }

  @Test func theArchiveIsTheReferences() async throws {
    let archive = ModelArchive(try await folder.packageV1())
    let bytes = try await bytes(of: archive)
    #expect(archive.size == 6144)
    #expect(bytes.count == 6144)
    #expect(Digest(of: bytes).hex == "ced455089f6a6a1cc6f7570dec246ebd0fbed4bbbfb14b7d5a9acb50a890dde8")
  }

  @Test func theSizeIsKnownInAdvanceAndMemoryBounded() async throws {
    let content = [UInt8](repeating: 7, count: 2_500_000)
    let file = try folder.write("big", content)
    let blob = ModelArchive.Blob(digest: Digest(of: content), size: 2_500_000, content: .file(file))
    let empty = ModelArchive.Blob(digest: Digest(of: []), size: 0, content: .bytes([]))
    let archive = ModelArchive(blobs: [blob, blob, empty], manifest: Array("{}".utf8))
    var total: Int64 = 0
    for try await chunk in archive {
      #expect(chunk.count <= 1 << 20)
      total += Int64(chunk.count)
    }
    #expect(total == archive.size)
    // Two folders, three files of one header each, content, end. The blob that occurs twice is there once.
    #expect(total == 512 * (2 + 3 + 4883 + 1 + 2))
  }

  private func failure(_ archive: ModelArchive) async -> (code: PackagingError.Code?, sent: Int) {
    var sent = 0
    do {
      try await archive.write { sent += $0.count }
      return (nil, sent)
    } catch {
      return ((error as? PackagingError)?.code, sent)
    }
  }

  @Test func aFileThatChangedAfterHashingIsNoticed() async throws {
    let archive = ModelArchive(try await folder.packageV1())
    var content = try Vector.tinyGGUF()
    content[500] = 1
    try folder.write("tiny.gguf", content)
    let sameSize = await failure(archive)
    #expect(sameSize.code == .fileChanged)
    // Nothing of the changed file was handed out: the headers of two folders and the blob's own.
    #expect(sameSize.sent == 3 * 512)
    for length in [511, 513] {
      try folder.write("tiny.gguf", [UInt8](repeating: 0, count: length))
      #expect(await failure(archive).code == .fileChanged)
    }
    try FileManager.default.removeItem(atPath: folder.path.appending("tiny.gguf").string)
    #expect(await failure(archive).code == .fileNotFound)
  }

  /// Sizes over 8 GiB have no place in a plain header; a sparse file stands for the weights.
  @Test func hugeFilesGetAPaxHeader() async throws {
    let file = try folder.write("huge", [1])
    let size: Int64 = 9 << 30
    #expect(truncate(file.string, off_t(size)) == 0)
    let digest = Digest(ofText: "not reached")
    let archive = ModelArchive(
      blobs: [.init(digest: digest, size: size, content: .file(file))], manifest: [])
    #expect(archive.size == 512 * (2 + 2 + 1 + 1 + 2) + size)
    var reader = ModelArchiveReader()
    var events: [ModelArchiveReader.Event] = []
    for try await chunk in archive {
      events += try reader.consume(chunk)
      if events.contains(.begin(.blob(digest, size: size))) { break }
    }
    #expect(events.last == .begin(.blob(digest, size: size)))
  }
}

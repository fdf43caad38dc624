// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelOCI
import PetrelPackaging
import SystemPackage
import Testing

@Suite struct ModelArchiveReaderTests {
  private typealias Entry = ModelArchiveReader.Entry

  private struct Contents: Equatable {
    var entries: [Entry] = []
    var contents: [[UInt8]] = []
    var hasEnded = false
  }

  let folder: Folder

  init() throws { folder = try Folder() }

  private func read(_ chunks: [[UInt8]]) throws -> Contents {
    var reader = ModelArchiveReader()
    var result = Contents()
    for chunk in chunks {
      for event in try reader.consume(chunk) {
        switch event {
        case .begin(let entry):
          result.entries.append(entry)
          result.contents.append([])
        case .bytes(let bytes): result.contents[result.contents.count - 1] += bytes
        case .end: #expect(result.entries.count == result.contents.count)
        case .endOfArchive: result.hasEnded = true
        }
      }
    }
    try reader.finish()
    return result
  }

  private func refusal(_ archive: [UInt8]) -> PackagingError? {
    do {
      _ = try read([archive])
      return nil
    } catch {
      return error as? PackagingError
    }
  }

  private func checkV1(_ contents: Contents, _ package: ModelPackage) throws {
    #expect(
      contents.entries.filter { if case .ignored = $0 { false } else { true } } == [
        .blob(package.layers[0].descriptor.digest, size: 512), .blob(package.config.digest, size: 541),
        .manifest(size: 661),
      ])
    let weights = Array(try Vector.tinyGGUF())
    #expect(contents.contents.contains(weights))
    #expect(contents.contents.contains(package.configBytes))
    #expect(contents.contents.contains(package.manifestBytes))
  }

  @Test func readsTheArchiveSplitAtEveryByte() async throws {
    let package = try await folder.packageV1()
    let archive = try await bytes(of: ModelArchive(package))
    let whole = try read([archive])
    try checkV1(whole, package)
    #expect(whole.hasEnded)
    #expect(whole.entries.prefix(2) == [.ignored(name: "blobs"), .ignored(name: "blobs/sha256")])
    for split in 1..<archive.count {
      #expect(try read([Array(archive[..<split]), Array(archive[split...])]) == whole, "split at \(split)")
    }
    #expect(try read(archive.map { [$0] }) == whole)
  }

  @Test func everyTruncationIsNoticed() async throws {
    let archive = try await bytes(of: ModelArchive(try await folder.packageV1()))
    // The last of the two blocks of zeros is not needed.
    for length in 0..<(archive.count - 512) {
      let error = refusal(Array(archive.prefix(length)))
      #expect(error?.code == .truncatedArchive, "cut at \(length)")
      #expect(error?.message == "model load interrupted: unexpected EOF")
    }
    #expect(refusal(Array(archive.dropLast(512))) == nil)
  }

  @Test(.enabled(if: hasGNUTar), arguments: ["gnu", "ustar", "posix", "v7"], [["."], ["manifest.json", "blobs"]])
  func readsWhatGNUTarWrites(format: String, names: [String]) async throws {
    let package = try await folder.packageV1()
    let tree = try Folder()
    let long = String(repeating: "long", count: 20)
    try FileManager.default.createDirectory(
      atPath: tree.path.appending("blobs/sha256").string, withIntermediateDirectories: true)
    try tree.write("blobs/sha256/\(package.layers[0].descriptor.digest.hex)", try Vector.tinyGGUF())
    try tree.write("blobs/sha256/\(package.config.digest.hex)", package.configBytes)
    try tree.write("manifest.json", package.manifestBytes)
    if format != "v7" {
      // Names that need a long-name record or a pax header of their own.
      try FileManager.default.createDirectory(
        atPath: tree.path.appending(long).string, withIntermediateDirectories: false)
      try tree.write(long + "/" + long, [1, 2, 3])
      try tree.write("blobs/sha256/" + String(repeating: "0", count: 64), [4])
    }
    let archive = try tar(tree.path, ["--format=\(format)"], names)
    let contents = try read(stride(from: 0, to: archive.count, by: 1000).map { Array(archive[$0...].prefix(1000)) })
    let reported = contents.entries.filter { if case .ignored = $0 { false } else { true } }
    #expect(reported.contains(.blob(package.layers[0].descriptor.digest, size: 512)))
    #expect(reported.contains(.blob(package.config.digest, size: 541)))
    #expect(reported.contains(.manifest(size: 661)))
    #expect(contents.contents.contains(package.manifestBytes))
    let weights = Array(try Vector.tinyGGUF())
    #expect(contents.contents.contains(weights))
    if names == ["."], format != "v7" {
      #expect(contents.entries.contains(.ignored(name: "./" + long + "/" + long)))
    }
  }

  @Test(.enabled(if: hasGNUTar)) func sparseFilesAreRefused() throws {
    let file = try folder.write("manifest.json", [1])
    #expect(truncate(file.string, 1 << 20) == 0)
    for format in ["gnu", "posix"] {
      let archive = try tar(folder.path, ["--format=\(format)", "--sparse"], ["manifest.json"])
      let error = refusal(archive)
      #expect(error?.code == .malformedArchive)
      #expect(error?.message.contains("sparse") == true)
    }
  }

  private func tar(_ directory: FilePath, _ options: [String], _ names: [String]) throws -> [UInt8] {
    let (status, archive) = try runTar(options + ["-C", directory.string, "-cf", "-"] + names)
    #expect(status == 0)
    return archive
  }

  // MARK: Hand-made entries

  /// One entry and its content; the checksum is right unless `damaged`.
  private func entry(
    _ name: String, type: Character = "0", size: [UInt8]? = nil, content: [UInt8] = [], damaged: Bool = false
  ) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ bytes: some Collection<UInt8>, at offset: Int) {
      block.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    }
    put(name.utf8, at: 0)
    let digits = String(content.count, radix: 8)
    put(size ?? Array((String(repeating: "0", count: 11 - digits.count) + digits).utf8), at: 124)
    put(String(type).utf8, at: 156)
    put("ustar\u{0}00".utf8, at: 257)
    put("        ".utf8, at: 148)
    let sum = String(block.reduce(0) { $0 + Int($1) } + (damaged ? 1 : 0), radix: 8)
    put((String(repeating: "0", count: 6 - sum.count) + sum + "\u{0} ").utf8, at: 148)
    return block + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
  }

  private let end = [UInt8](repeating: 0, count: 1024)
  private var manifest: [UInt8] { entry("manifest.json", content: [0x7B, 0x7D]) }
  private let hex = String(repeating: "ab", count: 32)

  @Test(arguments: ["../x", "blobs/../../x", "blobs/sha256/..", "..", "/../x", "a/./../b"])
  func pathsThatClimbAreRefused(name: String) {
    let error = refusal(entry(name, content: [1]) + manifest + end)
    #expect(error?.code == .invalidPath)
    #expect(error?.message.hasPrefix("invalid path detected: ") == true)
  }

  @Test func blobsWithOtherNamesAreRefused() {
    for name in [
      "blobs/sha512/\(hex)\(hex)", "blobs/sha256/abc", "blobs/sha256/\(hex.uppercased())", "manifests/md5/\(hex)",
    ] {
      #expect(refusal(entry(String(name.prefix(100)), content: [1]) + manifest + end)?.code == .invalidDigest)
    }
  }

  @Test func damagedHeadersAreRefused() {
    #expect(refusal(entry("manifest.json", damaged: true) + end)?.code == .malformedArchive)
    #expect(refusal([UInt8](repeating: 0x41, count: 512) + end)?.code == .malformedArchive)
    #expect(refusal(manifest + [UInt8](repeating: 0, count: 512) + manifest + end)?.code == .malformedArchive)
  }

  @Test(arguments: [
    Array("99999999999\u{0}".utf8), Array("-0000000001\u{0}".utf8), Array("000 0000001\u{0}".utf8),
    [0xFF] + [UInt8](repeating: 0xFF, count: 11), [0x80] + [UInt8](repeating: 0xFF, count: 11),
    [0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0],
  ])
  func impossibleSizesAreRefused(size: [UInt8]) {
    let error = refusal(entry("blobs/sha256/\(hex)", size: size) + manifest + end)
    #expect(error?.code == .malformedArchive)
  }

  @Test func hugeSizesThatNeverComeAreTruncations() {
    let size: [UInt8] = [0x80, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
    #expect(refusal(entry("blobs/sha256/\(hex)", size: size) + end)?.code == .truncatedArchive)
    #expect(refusal(entry("manifest.json", size: size) + end)?.code == .manifestTooLarge)
  }

  @Test func manifestsOverTheLimitAreRefusedBeforeTheirContent() {
    let digits = String(Manifest.maximumSize + 1, radix: 8)
    let size = Array((String(repeating: "0", count: 11 - digits.count) + digits).utf8)
    #expect(refusal(entry("manifest.json", size: size))?.code == .manifestTooLarge)
  }

  @Test func thereMustBeOneManifest() {
    #expect(refusal(entry("blobs/sha256/\(hex)", content: [1]) + end)?.code == .manifestMissing)
    #expect(refusal(manifest + manifest + end)?.code == .malformedArchive)
    #expect(refusal(manifest + end) == nil)
  }

  @Test func otherEntriesAreSkipped() throws {
    var archive = entry("pax_global_header", type: "g", content: Array("13 size=9999\n".utf8))
    archive += entry("manifest.json", type: "5") + entry("manifest.json", type: "2", size: Array("00000001000".utf8))
    archive += entry("././@LongLink", type: "K", content: Array("target\u{0}".utf8))
    archive += entry("index.json", content: [1, 2, 3]) + entry("/manifest.json", content: [4])
    archive += entry("blobs/sha256", content: [5]) + entry("label", type: "V") + manifest + end + [1, 2, 3]
    let contents = try read([archive])
    #expect(contents.entries.last == .manifest(size: 2))
    #expect(contents.entries.dropLast().allSatisfy { if case .ignored = $0 { true } else { false } })
    #expect(contents.contents.dropLast().allSatisfy { $0.isEmpty })
  }

  @Test func attributesReplaceNameAndSizeOfTheNextEntryOnly() throws {
    let path = "30 path=blobs/sha256/short.txt\n"
    let size = "10 size=3\n"
    #expect(path.utf8.count == 31)
    var archive = entry("x", type: "x", content: Array(("31" + path.dropFirst(2) + size).utf8))
    archive += entry("cut-off", content: [1, 2, 3]) + manifest + end
    #expect(refusal(archive)?.code == .invalidDigest)
    archive = entry("x", type: "x", content: Array(("22 path=manifest.json\n" + size).utf8))
    archive += entry("cut-off", size: Array("00000000000".utf8), content: [7, 8, 9])
    archive += entry("other", content: []) + end
    let contents = try read([archive])
    #expect(contents.entries == [.manifest(size: 3), .ignored(name: "other")])
    #expect(contents.contents.first == [7, 8, 9])
  }

  @Test(arguments: [
    "5 a=b\n", "99 path=x\n", "x path=y\n", "8 pathxy\n", "-1 size=1\n", "11 size=-1\n", "9 path=xy", " ",
  ])
  func malformedAttributesAreRefused(text: String) {
    let archive = entry("x", type: "x", content: Array(text.utf8)) + manifest + end
    #expect(refusal(archive)?.code == .malformedArchive)
  }

  @Test func attributesAreBounded() {
    for type in ["x", "L"] as [Character] {
      let size = Array("00001000000".utf8)
      #expect(refusal(entry("x", type: type, size: size))?.code == .malformedArchive)
    }
  }
}

private let hasGNUTar =
  (try? runTar(["--version"])).map { String(decoding: $0.output, as: UTF8.self).contains("GNU tar") } ?? false

private func runTar(_ arguments: [String]) throws -> (status: Int32, output: [UInt8]) {
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = ["tar"] + arguments
  let output = Pipe()
  process.standardOutput = output
  try process.run()
  let data = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  return (process.terminationStatus, Array(data))
}

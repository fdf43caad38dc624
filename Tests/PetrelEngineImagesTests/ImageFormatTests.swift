// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelOCI
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelEngineImages

@Suite struct ImageFormatTests {
  /// "hello " and "world", each as gzip packs it.
  private static let hello: [UInt8] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 72, 205, 201, 201, 87, 0, 0, 246, 249, 129, 237, 6, 0, 0, 0,
  ]
  private static let world: [UInt8] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 43, 207, 47, 202, 73, 1, 0, 67, 17, 119, 58, 5, 0, 0, 0,
  ]

  private func damaged(_ bytes: [UInt8], rounds: Int) -> [[UInt8]] {
    var random = SeededGenerator(seed: 7)
    return (0..<Fuzzing.rounds(rounds)).map { _ in Fuzzing.mutated(bytes, using: &random) }
  }

  private func inflated(_ bytes: [UInt8], by count: Int) throws -> (text: String, isComplete: Bool) {
    let inflater = try GzipInflater()
    var result: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: count) {
      try inflater.inflate(Array(bytes[start..<min(start + count, bytes.count)])) { result += $0 }
    }
    return (String(decoding: result, as: UTF8.self), inflater.isComplete)
  }

  @Test(arguments: [1, 7, 1000]) func `Gzip is unpacked in pieces of any size, and in several members`(count: Int)
    throws
  {
    let both = try inflated(Self.hello + Self.world, by: count)
    #expect(both.text == "hello world" && both.isComplete)
    let padded = try inflated(Self.hello + [0, 0, 0], by: count)
    #expect(padded.text == "hello " && padded.isComplete)
    #expect(try !inflated(Array(Self.hello.dropLast(3)), by: count).isComplete)
    var broken = Self.hello
    broken[broken.count - 6] ^= 0xFF
    #expect(throws: EngineImageError.self) { try inflated(broken, by: count) }
  }

  @Test func `What unpacks to much more than it has comes whole`() async throws {
    try await withTemporaryFolder { folder in
      // Exactly as much as one piece has, twice, and a little more.
      for size in [256 * 1024, 512 * 1024, 512 * 1024 + 1] {
        let file = folder.appending("zeros-\(size)")
        try file.write(String(repeating: "0", count: size))
        let archive = try packed(file)
        var count = 0
        try ImageLayer(file: archive).read { count += $0.count }
        #expect(count == size)
      }
    }
  }

  @Test func `What unpacks to far more than any program does is given up`() async throws {
    try await withTemporaryFolder { folder in
      let file = folder.appending("zeros")
      let zeros = try FileDescriptor.open(file, .writeOnly, options: [.create], permissions: .ownerReadWrite)
      try zeros.closeAfter { try zeros.resize(to: 256 << 20) }
      let archive = try packed(file)
      var count = 0
      let error = #expect(throws: EngineImageError.self) { try ImageLayer(file: archive).read { count += $0.count } }
      #expect(error?.code == .tooLarge)
      #expect(count < 200 << 20)
    }
  }

  private func packed(_ file: FilePath) throws -> FilePath {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["gzip", file.string]
    try process.run()
    process.waitUntilExit()
    return FilePath(file.string + ".gz")
  }

  @Test func `Damaged gzip is refused or read, and never more`() throws {
    for copy in damaged(Self.hello + Self.world, rounds: 500) { _ = try? inflated(copy, by: 5) }
    #expect(try inflated(Self.hello, by: 5).text == "hello ")
  }

  @Test func `Of several platforms the own one is taken`() throws {
    let digests = ["a", "b"].map { Digest(ofText: $0) }
    let index = try ImageIndex(
      decoding: Array(
        """
        {"schemaVersion":2,"manifests":[
        {"mediaType":"x","size":1,"digest":"\(digests[0])","platform":{"architecture":"arm64","os":"linux","variant":"v8"}},
        {"mediaType":"x","size":1,"digest":"\(digests[1])","platform":{"architecture":"amd64","os":"linux"}},
        {"mediaType":"x","size":1,"digest":"\(digests[0])","platform":{"architecture":"unknown","os":"unknown"}}]}
        """.utf8))
    #expect(try index.digest(for: ImagePlatform(os: "linux", architecture: "amd64")) == digests[1])
    #expect(try index.digest(for: ImagePlatform(os: "linux", architecture: "arm64")) == digests[0])
    let error = #expect(throws: EngineImageError.self) {
      try index.digest(for: ImagePlatform(os: "linux", architecture: "s390x"))
    }
    #expect(error?.message == "the image is for linux/arm64, linux/amd64, and not for linux/s390x")
    #expect(throws: EngineImageError.self) { try ImageIndex(decoding: Array("{}".utf8)) }
    #expect(throws: EngineImageError.self) { try ImageManifest(decoding: Array(#"{"layers":[]}"#.utf8)) }
  }

  @Test(
    arguments: [
      ("application/vnd.oci.image.layer.v1.tar+gzip", nil), ("application/vnd.oci.image.layer.v1.tar", nil),
      ("application/vnd.docker.image.rootfs.diff.tar.gzip", nil),
      ("application/vnd.oci.image.layer.v1.tar+zstd", "zstd"), ("application/vnd.docker.ai.gguf.v3", "no tar archive"),
    ] as [(String, String?)]) func `Layers of other kinds are refused by name`(type: String, complaint: String?)
  {
    let layer = Descriptor(mediaType: type, size: 1, digest: Digest(of: []))
    guard let complaint else {
      #expect(throws: Never.self) { try ImageLayer.check(layer) }
      return
    }
    let error = #expect(throws: EngineImageError.self) { try ImageLayer.check(layer) }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains(complaint) == true)
  }

  @Test func `A layer that is zstd under another name is refused`() async throws {
    try await withTemporaryFolder { folder in
      let file = folder.appending("layer")
      try write([0x28, 0xB5, 0x2F, 0xFD, 0, 0], to: file)
      let error = #expect(throws: EngineImageError.self) { try ImageLayer(file: file).read { _ in } }
      #expect(error?.message.contains("zstd") == true)
    }
  }

  #if !canImport(Darwin)
    @Test func `A program tells its loader and the libraries that it needs`() throws {
      let shell = try #require(ELFFile("/bin/sh"))
      #expect(shell.interpreter?.contains("/ld-") == true)
      #expect(shell.needed.contains { $0.hasPrefix("libc.") })
      #expect(ELFFile("/etc/passwd") == nil)
      #expect(ELFFile("/nowhere") == nil)
    }

    @Test func `Damaged programs are read or refused`() async throws {
      let shell = try FileDescriptor.open("/bin/sh", .readOnly)
      let whole = try shell.closeAfter {
        try [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
          count = try shell.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
      }
      try await withTemporaryFolder { folder in
        let file = folder.appending("program")
        for copy in damaged(whole, rounds: 200) {
          try write(copy, to: file)
          if let program = ELFFile(file) { #expect(program.needed.allSatisfy { !$0.isEmpty }) }
        }
      }
    }
  #endif
}

private func write(_ bytes: [UInt8], to file: FilePath) throws {
  let descriptor = try FileDescriptor.open(
    file, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
  _ = try descriptor.closeAfter { try descriptor.writeAll(bytes) }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage
import Testing

@testable import PetrelStore

/// A blob that comes in chunks which are smaller than blocks, and what may happen to its files.
enum ChunkScene {
  struct Broken: Error {}

  static let chunk = 100_000
  static let content = (0..<730_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
  static let blob = descriptor(content)

  static func part(_ range: Range<Int>) -> [[UInt8]] { [Array(content[range])] }

  @discardableResult
  static func ingest(
    _ store: ModelStore, _ body: (ChunkedBlob) async throws -> Void
  ) async throws -> ModelStore.IngestOutcome {
    try await store.withChunkedIngest(of: blob.digest, size: blob.size, chunkSize: Int64(chunk), body)
  }

  static func write(_ blob: ChunkedBlob, _ ranges: Range<Int>...) async throws {
    for range in ranges { try await blob.write(part(range), at: Int64(range.lowerBound)) }
  }

  /// Leaves the chunks 0, 2 and 5 and half of chunk 3 behind.
  static func leaveSome(_ store: ModelStore) async throws {
    await #expect(throws: Broken.self) {
      try await ingest(store) { blob in
        try await write(blob, 0..<100_000, 500_000..<600_000, 200_000..<350_000)
        throw Broken()
      }
    }
  }

  static func expectDone(_ store: ModelStore) throws {
    #expect(try contents(store.layout.blob(blob.digest)) == content)
    #expect(try names(in: store.layout.blobs) == [blob.digest.hex])
    let mode = try store.layout.blob(blob.digest).stat().permissions
    #expect(mode == [.ownerRead, .groupRead, .otherRead])
  }

  /// The same folder, as another session sees it. The first may not have been let go yet.
  static func reopen(_ root: FilePath) async throws -> ModelStore {
    try await ModelStore.open(at: root, logger: quietLogger, isExclusive: false)
  }

  static func overwrite(_ store: ModelStore, at offset: Int64, with bytes: [UInt8]) throws {
    let file = try FileDescriptor.open(store.layout.chunks(blob.digest), .readWrite)
    _ = try file.writeAll(toAbsoluteOffset: offset, bytes)
    try file.close()
  }

  static func editRecords(_ store: ModelStore, _ edit: ([Substring]) -> [Substring]) throws {
    let path = store.layout.chunkRecords(blob.digest)
    let lines = String(decoding: try contents(path), as: UTF8.self).split(separator: "\n")
    try PetrelStoreTests.write(bytes(edit(lines).map { $0 + "\n" }.joined()), to: path)
  }
}

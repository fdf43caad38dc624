// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage
import Testing

@testable import PetrelStore

@Suite struct IngestTests {
  private struct Broken: Error {}

  /// Several pieces, so that buffering is exercised.
  private static let content = (0..<3_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
  private static let blob = descriptor(content)

  @Test func keepsWhatArrivedAndResumes() async throws {
    try await withScratch { root in
      let store = try await openStore(root)
      await #expect(throws: Broken.self) {
        _ = try await store.withIngest(of: Self.blob.digest, size: Self.blob.size) { writer in
          #expect(writer.offset == 0)
          try await writer.append(Self.content[..<2_000_003])
          throw Broken()
        }
      }
      #expect(try await store.partialSize(Self.blob.digest) == 2_000_003)
      #expect(try await !store.contains(Self.blob))
      let outcome = try await store.withIngest(of: Self.blob.digest, size: Self.blob.size) { writer in
        #expect(writer.offset == 2_000_003)
        try await writer.append(Self.content[2_000_003...])
      }
      #expect(outcome == .written)
      #expect(try contents(store.layout.blob(Self.blob.digest)) == Self.content)
      #expect(!exists(store.layout.partial(Self.blob.digest)))
      let again = try await store.withIngest(of: Self.blob.digest, size: Self.blob.size) { _ in
        Issue.record("the blob is there")
      }
      #expect(again == .alreadyPresent)
    }
  }

  @Test func wrongBytesNeverGetTheName() async throws {
    try await withStore { store in
      let wrong = [UInt8](repeating: 1, count: Self.content.count)
      let code = await storeErrorCode {
        try await store.withIngest(of: Self.blob.digest, size: Self.blob.size) { try await $0.append(wrong) }
      }
      #expect(code == .digestMismatch)
      let left = try names(in: store.layout.blob(Self.blob.digest).removingLastComponent())
      #expect(left.isEmpty)
    }
  }

  @Test func mismatchIsWordedAsTheReferenceDoes() async throws {
    try await withStore { store in
      let blob = descriptor([1])
      do {
        try await store.writeBlob([2], as: blob)
        Issue.record("wrong bytes were accepted")
      } catch let error as StoreError {
        #expect(
          error.message
            == "blob digest mismatch for \"\(blob.digest)\": expected \(blob.digest), got \(Digest(of: [2]))")
      }
    }
  }

  @Test func refusesMoreAndFewerBytesThanAnnounced() async throws {
    try await withStore { store in
      let more = await storeErrorCode {
        try await store.withIngest(of: Self.blob.digest, size: Self.blob.size) { writer in
          try await writer.append(Self.content)
          try await writer.append([0])
        }
      }
      #expect(more == .tooLarge)
      let other = descriptor([1, 2, 3])
      let fewer = await storeErrorCode {
        try await store.withIngest(of: other.digest, size: 3) { try await $0.append([1, 2]) }
      }
      #expect(fewer == .incomplete)
      let none = await storeErrorCode { try await store.withIngest(of: descriptor([9]).digest, size: 1) { _ in } }
      #expect(none == .incomplete)
      let isThere = try await store.contains(other)
      #expect(!isThere)
    }
  }

  @Test(arguments: [0, 17])
  func aFullOrOverlongCorruptPartialIsDiscarded(_ extra: Int) async throws {
    try await withStore { store in
      try write([UInt8](repeating: 7, count: Self.content.count + extra), to: store.layout.partial(Self.blob.digest))
      _ = try await store.withIngest(of: Self.blob.digest, size: Self.blob.size) { writer in
        #expect(writer.offset == 0)
        try await writer.append(Self.content)
      }
      #expect(try contents(store.layout.blob(Self.blob.digest)) == Self.content)
    }
  }

  @Test func aWholePartialNeedsNoBytes() async throws {
    try await withStore { store in
      try write(Self.content, to: store.layout.partial(Self.blob.digest))
      let outcome = try await store.withIngest(of: Self.blob.digest, size: Self.blob.size) { _ in
        Issue.record("nothing is missing")
      }
      #expect(outcome == .written)
      #expect(try await store.contains(Self.blob))
    }
  }

  @Test func restartsFromZero() async throws {
    try await withStore { store in
      try write([9, 9, 9], to: store.layout.partial(Self.blob.digest))
      _ = try await store.withIngest(of: Self.blob.digest, size: Self.blob.size) { writer in
        #expect(writer.offset == 3)
        try await writer.append(Self.content[..<1_500_000])
        try await writer.restart()
        #expect(writer.offset == 0)
        try await writer.append(Self.content)
      }
      #expect(try contents(store.layout.blob(Self.blob.digest)) == Self.content)
    }
  }

  @Test func anEmptyBlobIsPossible() async throws {
    try await withStore { store in
      try await store.writeBlob([], as: descriptor([]))
      #expect(try await store.contains(descriptor([])))
    }
  }

  @Test func oneIngestOfADigestAtATime() async throws {
    try await withStore { store in
      let bodies = Counter()
      let outcomes = try await withThrowingTaskGroup { group in
        for _ in 0..<8 {
          group.addTask {
            try await store.withIngest(of: Self.blob.digest, size: Self.blob.size) { writer in
              bodies.increment()
              try await writer.append(Self.content)
            }
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(bodies.value == 1)
      #expect(outcomes.filter { $0 == .written }.count == 1)
      #expect(outcomes.count == 8)
    }
  }

  @Test func waitingInLineCanBeCancelled() async throws {
    try await withStore { store in
      _ = try await store.withIngest(of: Self.blob.digest, size: Self.blob.size) { writer in
        let waiting = Self.ingestInBackground(store)
        waiting.cancel()
        await #expect(throws: CancellationError.self) { _ = try await waiting.value }
        try await writer.append(Self.content)
      }
      #expect(try await store.contains(Self.blob))
    }
  }

  private static func ingestInBackground(_ store: ModelStore) -> Task<ModelStore.IngestOutcome, any Error> {
    Task { try await store.withIngest(of: blob.digest, size: blob.size) { _ in } }
  }

  @Test func anotherProcessAtWorkIsReported() async throws {
    try await withScratch { root in
      let ours = try await openStore(root)
      let theirs = try await ModelStore.open(at: root, logger: quietLogger, isExclusive: false)
      _ = try await ours.withIngest(of: Self.blob.digest, size: Self.blob.size) { writer in
        let code = await storeErrorCode {
          try await theirs.withIngest(of: Self.blob.digest, size: Self.blob.size) { _ in }
        }
        #expect(code == .busy)
        try await writer.append(Self.content)
      }
      #expect(try contents(ours.layout.blob(Self.blob.digest)) == Self.content)
    }
  }

  @Test func aFullDiskIsSaidUpFrontAndKeepsThePartial() async throws {
    try await withScratch { root in
      let store = try await ModelStore.open(at: root, logger: quietLogger, freeSpace: { _ in 2_000_000 })
      try write(Array(Self.content[..<1_000_000]), to: store.layout.partial(Self.blob.digest))
      let code = await storeErrorCode {
        try await store.withIngest(of: Self.blob.digest, size: Self.blob.size) { _ in
          Issue.record("there is no room")
        }
      }
      #expect(code == .noSpace)
      #expect(try await store.partialSize(Self.blob.digest) == 1_000_000)
      #expect(await storeErrorCode { try await store.ensureSpace(for: 2_000_001) } == .noSpace)
      try await store.ensureSpace(for: 2_000_000)
    }
  }

  @Test func aDiskThatFillsUpKeepsWhatItTook() async throws {
    try await withStore { store in
      // Half a piece goes in, then the disk is full.
      let partial = PartialBlob(digest: Self.blob.digest, size: Self.blob.size, layout: store.layout) {
        file, offset, bytes in
        try file.writeAll(toAbsoluteOffset: offset, offset > 0 ? bytes[..<(bytes.count / 2)] : bytes[...])
        if offset > 0 { throw Errno.noSpace }
      }
      var writer = BlobWriter(partial, offset: try await partial.open())
      do {
        for start in stride(from: 0, to: Self.content.count, by: 500_000) {
          try await writer.append(Self.content[start..<start + 500_000])
        }
        try await writer.flush()
        Issue.record("a full disk took everything")
      } catch let error as StoreError {
        #expect(error.code == .noSpace)
        #expect(error.message.contains("free some space"))
      }
      // What comes after the piece that did not go in must not take its place.
      try? await writer.flush()
      await partial.close()
      let kept = try await store.partialSize(Self.blob.digest)
      #expect(kept > 0 && kept < Self.blob.size)
      _ = try await store.withIngest(of: Self.blob.digest, size: Self.blob.size) { writer in
        #expect(writer.offset == kept)
        try await writer.append(Self.content[Int(kept)...])
      }
      #expect(try contents(store.layout.blob(Self.blob.digest)) == Self.content)
    }
  }

  @Test func blobsCannotBeWrittenThrough() async throws {
    try await withStore { store in
      try await store.writeBlob([1], as: descriptor([1]))
      let mode = try store.layout.blob(Digest(of: [1])).stat().permissions
      #expect(mode == [.ownerRead, .groupRead, .otherRead])
    }
  }
}

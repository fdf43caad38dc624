// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage
import Testing

@testable import PetrelStore

@Suite struct ChunkedBlobTests {
  @Test func takesBytesInAnyOrder() async throws {
    try await withStore { store in
      let outcome = try await ChunkScene.ingest(store) { blob in
        #expect(blob.missing.count == 8 && blob.missing.last == 700_000..<730_000)
        try await ChunkScene.write(blob, 650_000..<730_000, 90_000..<210_000, 50_000..<90_000)
        #expect(blob.missing.first == 0..<50_000 && blob.missing[1] == 210_000..<300_000)
        #expect(try await blob.verdict() == .incomplete)
        // Some of this is there already.
        try await ChunkScene.write(blob, 0..<60_000, 205_000..<650_000)
        #expect(blob.received == ChunkScene.blob.size && blob.missing.isEmpty)
        #expect(try await blob.verdict() == .isWhole)
      }
      #expect(outcome == .written)
      try ChunkScene.expectDone(store)
      let again = try await ChunkScene.ingest(store) { _ in Issue.record("the blob is there") }
      #expect(again == .alreadyPresent)
    }
  }

  @Test func writersMayShareAChunk() async throws {
    try await withStore { store in
      try await ChunkScene.ingest(store) { blob in
        try await withThrowingTaskGroup { group in
          for start in stride(from: 0, to: 730_000, by: 10_000).reversed() {
            group.addTask { try await blob.write(ChunkScene.part(start..<start + 10_000), at: Int64(start)) }
          }
          try await group.waitForAll()
        }
      }
      try ChunkScene.expectDone(store)
    }
  }

  @Test func moreThanAnnouncedIsRefused() async throws {
    try await withStore { store in
      let code = await storeErrorCode {
        try await ChunkScene.ingest(store) { try await $0.write([[1, 2]], at: ChunkScene.blob.size - 1) }
      }
      #expect(code == .tooLarge)
    }
  }

  @Test func goesOnWithWholeChunks() async throws {
    try await withScratch { root in
      try await ChunkScene.leaveSome(try await openStore(root))
      let store = try await ChunkScene.reopen(root)
      try await ChunkScene.ingest(store) { blob in
        #expect(blob.received == 300_000)
        #expect(blob.missing.map { Int($0.lowerBound) } == [100_000, 300_000, 400_000, 600_000, 700_000])
        try await ChunkScene.write(blob, 100_000..<200_000, 300_000..<500_000, 600_000..<730_000)
      }
      try ChunkScene.expectDone(store)
    }
  }

  @Test func whatIsMissingAtTheEndIsSaid() async throws {
    try await withStore { store in
      let code = await storeErrorCode {
        try await ChunkScene.ingest(store) { try await ChunkScene.write($0, 0..<100_000) }
      }
      #expect(code == .incomplete)
      try await ChunkScene.ingest(store) { try await ChunkScene.write($0, 100_000..<730_000) }
      try ChunkScene.expectDone(store)
    }
  }

  @Test func wrongChunksAreReplacedOneByOne() async throws {
    try await withStore { store in
      try await ChunkScene.ingest(store) { blob in
        try await ChunkScene.write(blob, 0..<300_000, 400_000..<730_000)
        try await blob.write([[UInt8](repeating: 7, count: 100_000)], at: 300_000)
        let verdict = try await blob.verdict()
        #expect(verdict != .isWhole && verdict != .incomplete)
        // The disk is innocent.
        let changed = try await blob.dropChanged()
        #expect(changed.isEmpty)
        let replacesSame = try await blob.replace(2, with: Array(ChunkScene.content[200_000..<300_000]))
        let replacesOther = try await blob.replace(3, with: Array(ChunkScene.content[300_000..<400_000]))
        #expect(!replacesSame && replacesOther)
        #expect(try await blob.verdict() == .isWhole)
      }
      try ChunkScene.expectDone(store)
    }
  }

  @Test func bytesThatChangeOnTheDiskAreFound() async throws {
    try await withStore { store in
      try await ChunkScene.ingest(store) { blob in
        try await ChunkScene.write(blob, 0..<730_000)
        #expect(try await blob.verdict() == .isWhole)
        try ChunkScene.overwrite(store, at: 450_000, with: [0, 0, 0, 1])
        let changed = try await blob.dropChanged()
        #expect(changed == [4])
        #expect(blob.missing == [400_000..<500_000])
        try await ChunkScene.write(blob, 400_000..<500_000)
      }
      try ChunkScene.expectDone(store)
    }
  }

  @Test func bytesThatStayWrongNeverGetTheName() async throws {
    try await withStore { store in
      let differs = await storeErrorCode {
        try await ChunkScene.ingest(store) { blob in
          try await blob.write([[UInt8](repeating: 7, count: 730_000)], at: 0)
        }
      }
      #expect(differs == .incomplete)
      let given = await storeErrorCode {
        try await ChunkScene.ingest(store) { _ in throw StoreError(.digestMismatch, "wrong") }
      }
      #expect(given == .digestMismatch)
      let left = try names(in: store.layout.blobs)
      #expect(left.isEmpty)
    }
  }

  @Test func anotherProcessAtWorkIsReported() async throws {
    try await withScratch { root in
      let ours = try await openStore(root)
      let theirs = try await ModelStore.open(at: root, logger: quietLogger, isExclusive: false)
      try await ChunkScene.ingest(ours) { blob in
        let code = await storeErrorCode { try await ChunkScene.ingest(theirs) { _ in } }
        #expect(code == .busy)
        try await ChunkScene.write(blob, 0..<730_000)
      }
      try ChunkScene.expectDone(ours)
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTestSupport
import Synchronization
import SystemPackage
import Testing

@testable import PetrelStore

/// What a disk does not take when it is told to counts as missing afterwards, whatever the system's cache still shows.
@Suite struct FlushFailureTests {
  private final class Disk: Sendable {
    private let state = Mutex(false)

    var isBroken: Bool { state.withLock { $0 } }
    func breakDown() { state.withLock { $0 = true } }
    func recover() { state.withLock { $0 = false } }
  }

  /// A store whose large downloads cannot be flushed while the disk is broken.
  private func withBrokenDisk(_ body: (ModelStore, Disk) async throws -> Void) async throws {
    try await withScratch { root in
      let disk = Disk()
      let probe: DiskProbe = { change throws(Errno) in
        if change.kind == .sync, change.path.string.hasSuffix(".petrel-chunks"), disk.isBroken { throw .ioError }
      }
      let store = try await ModelStore.open(at: root, logger: quietLogger, probe: probe)
      try await body(store, disk)
    }
  }

  @Test func chunksSinceTheLastFlushAreMissing() async throws {
    try await withBrokenDisk { store, disk in
      let code = await storeErrorCode {
        try await ChunkScene.ingest(store) { blob in
          try await ChunkScene.write(blob, 0..<200_000)
          let records = store.layout.chunkRecords(ChunkScene.blob.digest)
          try await eventually("the first flush") {
            String(decoding: try contents(records), as: UTF8.self).contains("s 2\n")
          }
          disk.breakDown()
          try await ChunkScene.write(blob, 300_000..<400_000)
          try await eventually("the failure") {
            String(decoding: try contents(records), as: UTF8.self).contains("x 3\n")
          }
          disk.recover()
          _ = try await blob.verdict()
        }
      }
      #expect(code == .io)
      try await ChunkScene.ingest(store) { blob in
        #expect(blob.received == 200_000)
        try await ChunkScene.write(blob, 200_000..<730_000)
      }
      try ChunkScene.expectDone(store)
    }
  }

  @Test func aBlobThatCannotBeFlushedGetsNoName() async throws {
    try await withBrokenDisk { store, disk in
      disk.breakDown()
      let code = await storeErrorCode {
        try await ChunkScene.ingest(store) { try await ChunkScene.write($0, 0..<730_000) }
      }
      #expect(code == .io)
      #expect(!exists(store.layout.blob(ChunkScene.blob.digest)))
      disk.recover()
      try await ChunkScene.ingest(store) { blob in
        #expect(blob.received == 0)
        try await ChunkScene.write(blob, 0..<730_000)
      }
      try ChunkScene.expectDone(store)
    }
  }

  @Test func aSmallBlobThatCannotBeFlushedComesAnew() async throws {
    try await withStore { store in
      let content = bytes("a small blob")
      let blob = descriptor(content)
      let broken = PartialBlob(
        digest: blob.digest, size: blob.size, layout: store.layout, sync: { _ in throw Errno.ioError })
      #expect(try await broken.open() == 0)
      try await broken.append(content)
      #expect(await storeErrorCode { try await broken.finish() } == .io)
      await broken.close()
      #expect(try await store.partialSize(blob.digest) == 0)
      try await store.writeBlob(content, as: blob)
      #expect(try contents(store.layout.blob(blob.digest)) == content)
    }
  }
}

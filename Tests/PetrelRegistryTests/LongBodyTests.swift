// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelOCI
import PetrelTestSupport
import Testing

@testable import PetrelRegistry

/// Bodies that are long enough to come in blocks.
@Suite struct LongBodyTests {
  private static let size = 3 * BodyBlocks.size + 12_345

  private func run(_ body: (ClientFixture, FakeModel) async throws -> Void) async throws {
    try await ClientFixture.run { fixture in
      try await body(fixture, try fixture.registry.addModel("ai/tiny", layerSizes: [Self.size]))
    }
  }

  @Test(arguments: [0, 1, BodyBlocks.size - 1, BodyBlocks.size + 4096, 3 * BodyBlocks.size])
  func blocksEndAtMultiplesOfTheirSize(_ start: Int) async throws {
    try await run { fixture, model in
      let stream = try await fixture.client.openRange(
        Int64(start)..<Int64(Self.size), of: model.layers[0], in: fixture.reference, via: BlobRoute())
      var received: [UInt8] = []
      for try await chunk in stream.chunks {
        #expect(chunk.readableBytes <= BodyBlocks.size)
        let first = start + received.count
        // Only what a busy machine handed on early is less than a block.
        #expect(first / BodyBlocks.size == (first + chunk.readableBytes - 1) / BodyBlocks.size)
        received.append(contentsOf: chunk.readableBytesView)
      }
      #expect(received == Array(model.layerBytes()[start...]))
    }
  }

  @Test(arguments: [0, 1000, BodyBlocks.size + 1000])
  func bytesOfASlowServerAreHandedOn(_ length: Int) async throws {
    try await run { fixture, model in
      fixture.registry.inject(.stall(afterBytes: length), at: model.layers[0].digest.description)
      let stream = try await fixture.client.openBlob(model.layers[0], of: fixture.reference, from: 0)
      let (arrived, signal) = AsyncStream.makeStream(of: Int.self)
      let reader = Task {
        var received: [UInt8] = []
        signal.yield(0)
        for try await chunk in stream.chunks {
          received.append(contentsOf: chunk.readableBytesView)
          signal.yield(received.count)
        }
        return received
      }
      // Nothing more comes before this.
      for await count in arrived where count >= length { break }
      fixture.registry.releaseStalls()
      #expect(try await reader.value == model.layerBytes())
    }
  }

  /// What was not asked for yet when the connection breaks has to be fetched again.
  @Test func aBreakCostsTwoBlocksAtMost() async throws {
    try await run { fixture, model in
      let length = 3 * BodyBlocks.size + 77
      fixture.registry.inject(.close(afterBytes: length), at: model.layers[0].digest.description)
      let stream = try await fixture.client.openBlob(model.layers[0], of: fixture.reference, from: 0)
      var received: [UInt8] = []
      await expectRegistryError(.truncated) {
        for try await chunk in stream.chunks { received.append(contentsOf: chunk.readableBytesView) }
      }
      #expect(received.count >= length - 2 * BodyBlocks.size && received.count <= length)
      #expect(received == Array(model.layerBytes().prefix(received.count)))
    }
  }

  @Test func connectionsAreUsedAgain() async throws {
    try await run { fixture, model in
      for _ in 0..<4 {
        let stream = try await fixture.client.openBlob(model.layers[0], of: fixture.reference, from: 0)
        #expect(try await fixture.bytes(of: stream) == model.layerBytes())
      }
    }
  }

  @Test func memoryIsUsedAgain() {
    let blocks = BodyBlocks()
    var first = blocks.take()
    let address = first.withVeryUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    let readable = address + UInt(first.readerIndex)
    #expect(readable % UInt(BodyBlocks.alignment) == 0 && first.writableBytes >= BodyBlocks.size)
    first.writeInteger(7)
    blocks.lend(first)
    // A reader has it still.
    let second = blocks.take()
    #expect(second.withVeryUnsafeBytes { UInt(bitPattern: $0.baseAddress) } != address)
    #expect(first.readInteger(as: Int.self) == 7)
    first = ByteBuffer()
    let third = blocks.take()
    #expect(third.withVeryUnsafeBytes { UInt(bitPattern: $0.baseAddress) } == address && third.readableBytes == 0)
  }
}

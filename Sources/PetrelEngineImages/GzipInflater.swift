// SPDX-License-Identifier: Apache-2.0

import CZlib

/// Takes a gzip stream apart as it comes, also one of several members. Source: RFC 1952, section 2.2.
final class GzipInflater {
  private static let chunkSize = 256 * 1024
  /// The largest window, and the header of gzip and no other.
  private static let windowBits: Int32 = 15 + 16

  private let stream: UnsafeMutablePointer<z_stream>
  /// Whether the last member is whole: true at the end of a stream that nobody cut short.
  private(set) var isComplete = false

  init() throws(EngineImageError) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let status = inflateInit2_(stream, Self.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw EngineImageError(.damaged, "zlib can't be used (status \(status))") }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Hands on what `input` unpacks to, in pieces of bounded size.
  func inflate(_ input: [UInt8], _ consume: ([UInt8]) throws -> Void) throws {
    var rest = input[...]
    // There may be more to hand on than one piece, though all input is read.
    var hasMore = false
    while !rest.isEmpty || hasMore {
      if isComplete {
        // What follows a member is another one, or padding.
        guard rest.first == 0x1F else { return }
        inflateReset(stream)
        isComplete = false
      }
      let (produced, consumed) = try step(rest)
      rest = rest.dropFirst(consumed)
      hasMore = produced.count == Self.chunkSize
      if !produced.isEmpty { try consume(produced) }
    }
  }

  private func step(_ input: ArraySlice<UInt8>) throws(EngineImageError) -> (produced: [UInt8], consumed: Int) {
    var consumed = 0
    var status = Z_OK
    let produced = input.withUnsafeBufferPointer { input in
      [UInt8](unsafeUninitializedCapacity: Self.chunkSize) { output, count in
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = output.baseAddress
        stream.pointee.avail_out = UInt32(Self.chunkSize)
        status = CZlib.inflate(stream, Z_NO_FLUSH)
        consumed = input.count - Int(stream.pointee.avail_in)
        count = Self.chunkSize - Int(stream.pointee.avail_out)
      }
    }
    isComplete = status == Z_STREAM_END
    let isAtRest = status == Z_BUF_ERROR && input.isEmpty
    guard isAtRest || isComplete || (status == Z_OK && (consumed > 0 || !produced.isEmpty)) else {
      throw EngineImageError(.damaged, "a layer of the image is damaged: its gzip stream can't be read")
    }
    return (produced, consumed)
  }
}

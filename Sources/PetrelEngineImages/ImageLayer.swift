// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

/// A layer of an image in a file.
struct ImageLayer {
  private static let chunkSize = 256 * 1024
  /// How much may come out of a layer: this, and so many times what has been read of it. Programs shrink to a quarter,
  /// a bomb to a thousandth.
  private static let freeBytes: Int64 = 64 << 20
  private static let largestRatio: Int64 = 100
  private static let gzipMark: [UInt8] = [0x1F, 0x8B]
  private static let zstdMark: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]

  let file: FilePath

  /// Refuses what can't be unpacked before anything of it is brought.
  static func check(_ layer: Descriptor) throws(EngineImageError) {
    guard !layer.mediaType.contains("zstd") else { throw zstd }
    guard layer.mediaType.contains(".tar"), !layer.mediaType.contains("encrypted") else {
      throw EngineImageError(
        .unsupported, "the image has a layer of the kind \(quoted(layer.mediaType)), no tar archive")
    }
  }

  private static var zstd: EngineImageError {
    EngineImageError(
      .unsupported, "the image has a layer that is packed with zstd; take one whose layers are packed with gzip")
  }

  /// Hands on the bytes of the tar archive.
  func read(_ consume: ([UInt8]) throws -> Void) throws {
    let descriptor = try FileDescriptor.open(file, .readOnly, options: .closeOnExec)
    defer { try? descriptor.close() }
    var chunk = try Self.next(descriptor)
    guard !chunk.starts(with: Self.zstdMark) else { throw Self.zstd }
    let inflater = chunk.starts(with: Self.gzipMark) ? try GzipInflater() : nil
    var allowance = Self.freeBytes
    while !chunk.isEmpty {
      if let inflater {
        allowance += Int64(chunk.count) * Self.largestRatio
        try inflater.inflate(chunk) { bytes in
          allowance -= Int64(bytes.count)
          guard allowance >= 0 else {
            throw EngineImageError(
              .tooLarge, "a layer of the image unpacks to more than \(Self.largestRatio) times its size")
          }
          try consume(bytes)
        }
      } else {
        try consume(chunk)
      }
      chunk = try Self.next(descriptor)
    }
    guard inflater?.isComplete != false else {
      throw EngineImageError(.damaged, "a layer of the image is damaged: its gzip stream ends too early")
    }
  }

  private static func next(_ descriptor: FileDescriptor) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: chunkSize) { buffer, count in
      count = try descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))
    }
  }
}

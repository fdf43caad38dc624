// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF

extension [UInt8] {
  fileprivate mutating func append<Value: FixedWidthInteger>(_ value: Value, bigEndian: Bool) {
    Swift.withUnsafeBytes(of: bigEndian ? value.bigEndian : value.littleEndian) { append(contentsOf: $0) }
  }
}

/// Bytes in memory that count how many of them were read.
final class MemorySource: GGUFSource {
  let bytes: [UInt8]
  let size: UInt64
  private(set) var bytesRead = 0

  /// - Parameter claimedSize: what the source says its size is, when it is not that of `bytes`.
  init(_ bytes: [UInt8], claimedSize: UInt64? = nil) {
    self.bytes = bytes
    size = claimedSize ?? UInt64(bytes.count)
  }

  func read(at offset: UInt64, count: Int) throws(GGUFError) -> [UInt8] {
    let part = Array(bytes.dropFirst(Int(offset)).prefix(count))
    bytesRead += part.count
    return part
  }
}

/// Writes GGUF files for tests, well-formed ones and others.
struct GGUFBuilder {
  enum Value {
    case uint8(UInt8), int8(Int8), uint16(UInt16), int16(Int16), uint32(UInt32), int32(Int32)
    case float32(Float), bool(Bool), string(String), uint64(UInt64), int64(Int64), float64(Double)
    case array(type: UInt32, count: UInt64, elements: [Value])

    static func strings(_ values: [String]) -> Value {
      .array(type: 8, count: UInt64(values.count), elements: values.map(Value.string))
    }

    static func uint8s(_ count: Int) -> Value {
      .array(type: 0, count: UInt64(count), elements: (0..<count).map { .uint8(UInt8(truncatingIfNeeded: $0)) })
    }

    var type: UInt32 {
      switch self {
      case .uint8: 0
      case .int8: 1
      case .uint16: 2
      case .int16: 3
      case .uint32: 4
      case .int32: 5
      case .float32: 6
      case .bool: 7
      case .string: 8
      case .array: 9
      case .uint64: 10
      case .int64: 11
      case .float64: 12
      }
    }
  }

  struct Tensor {
    var name: String
    var dimensions: [UInt64]
    var type: UInt32 = 0
    var offset: UInt64 = 0
  }

  var version: UInt32 = 3
  var bigEndian = false
  /// Big-endian files of llama.cpp's own tools begin with `GGUF` as the others do.
  var swapsMagic = false
  var pairs: [(String, Value)] = []
  var tensors: [Tensor] = []
  var pairCount: UInt64?
  var tensorCount: UInt64?
  var dataBytes = 64

  func header() -> [UInt8] {
    var bytes = Array((swapsMagic ? "FUGG" : "GGUF").utf8)
    bytes.append(version, bigEndian: bigEndian)
    append(tensorCount ?? UInt64(tensors.count), to: &bytes)
    append(pairCount ?? UInt64(pairs.count), to: &bytes)
    for (key, value) in pairs {
      append(key, to: &bytes)
      bytes.append(value.type, bigEndian: bigEndian)
      append(value, to: &bytes)
    }
    for tensor in tensors {
      append(tensor.name, to: &bytes)
      bytes.append(UInt32(tensor.dimensions.count), bigEndian: bigEndian)
      for dimension in tensor.dimensions { append(dimension, to: &bytes) }
      bytes.append(tensor.type, bigEndian: bigEndian)
      bytes.append(tensor.offset, bigEndian: bigEndian)
    }
    return bytes
  }

  /// The header, 32 bytes to align it, and data.
  func file() -> [UInt8] {
    let header = header()
    return header + [UInt8](repeating: 0, count: 32 - header.count % 32 + dataBytes)
  }

  func parsed() throws -> GGUFHeader { try GGUFHeader(reading: MemorySource(file())) }

  private func append(_ count: UInt64, to bytes: inout [UInt8]) {
    if version == 1 {
      bytes.append(UInt32(truncatingIfNeeded: count), bigEndian: bigEndian)
    } else {
      bytes.append(count, bigEndian: bigEndian)
    }
  }

  private func append(_ text: String, to bytes: inout [UInt8]) {
    append(UInt64(text.utf8.count), to: &bytes)
    bytes += text.utf8
  }

  private func append(_ value: Value, to bytes: inout [UInt8]) {
    switch value {
    case .uint8(let value): bytes.append(value, bigEndian: bigEndian)
    case .int8(let value): bytes.append(value, bigEndian: bigEndian)
    case .uint16(let value): bytes.append(value, bigEndian: bigEndian)
    case .int16(let value): bytes.append(value, bigEndian: bigEndian)
    case .uint32(let value): bytes.append(value, bigEndian: bigEndian)
    case .int32(let value): bytes.append(value, bigEndian: bigEndian)
    case .uint64(let value): bytes.append(value, bigEndian: bigEndian)
    case .int64(let value): bytes.append(value, bigEndian: bigEndian)
    case .float32(let value): bytes.append(value.bitPattern, bigEndian: bigEndian)
    case .float64(let value): bytes.append(value.bitPattern, bigEndian: bigEndian)
    case .bool(let value): bytes.append(value ? 1 : 0)
    case .string(let value): append(value, to: &bytes)
    case .array(let type, let count, let elements):
      bytes.append(type, bigEndian: bigEndian)
      append(count, to: &bytes)
      for element in elements { append(element, to: &bytes) }
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF

/// Writes the header of a GGUF file whose tensors are not there: nothing reads them.
struct ShapeFile: GGUFSource {
  enum Value {
    case number(UInt32)
    case numbers([UInt32])
    case bools([Bool])
    case bool(Bool)
    case text(String)
  }

  private let bytes: [UInt8]
  /// As if all tensors followed.
  let size: UInt64

  /// - Parameter tensors: with their dimensions; all of 32-bit floats.
  init(_ architecture: String, _ facts: [(String, Value)], tensors: [(String, [UInt64])]) {
    var bytes: [UInt8] = Array("GGUF".utf8)
    func append<Number: FixedWidthInteger>(_ number: Number) {
      withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
    func append(_ text: String) {
      append(UInt64(text.utf8.count))
      bytes.append(contentsOf: text.utf8)
    }
    append(UInt32(3))
    append(UInt64(tensors.count))
    append(UInt64(facts.count + 1))
    for (key, value) in [("general.architecture", Value.text(architecture))] + facts {
      append(key.hasPrefix("general.") ? key : "\(architecture).\(key)")
      switch value {
      case .number(let number):
        append(UInt32(4))
        append(number)
      case .numbers(let numbers):
        append(UInt32(9))
        append(UInt32(4))
        append(UInt64(numbers.count))
        for number in numbers { append(number) }
      case .bool(let value):
        append(UInt32(7))
        bytes.append(value ? 1 : 0)
      case .bools(let values):
        append(UInt32(9))
        append(UInt32(7))
        append(UInt64(values.count))
        for value in values { bytes.append(value ? 1 : 0) }
      case .text(let text):
        append(UInt32(8))
        append(text)
      }
    }
    var offset: UInt64 = 0
    for (name, dimensions) in tensors {
      append(name)
      append(UInt32(dimensions.count))
      for dimension in dimensions { append(dimension) }
      append(UInt32(0))
      append(offset)
      offset += dimensions.reduce(4, *)
    }
    self.bytes = bytes
    size = UInt64(bytes.count) + offset + 64
  }

  func read(at offset: UInt64, count: Int) throws(GGUFError) -> [UInt8] {
    let end = min(UInt64(bytes.count), offset + UInt64(count))
    let held = offset < end ? Array(bytes[Int(offset)..<Int(end)]) : []
    return held + [UInt8](repeating: 0, count: count - held.count)
  }
}

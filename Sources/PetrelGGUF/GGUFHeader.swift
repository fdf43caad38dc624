// SPDX-License-Identifier: Apache-2.0

/// What a GGUF file says about itself before its tensor data begins. The tensor data is never read.
///
/// Source: the GGUF specification (ggml, docs/gguf.md), versions 1 to 3, either byte order.
package struct GGUFHeader: Sendable {
  package enum ByteOrder: Sendable {
    case littleEndian, bigEndian
  }

  package struct Entry: Hashable, Sendable {
    package let key: String
    package let value: GGUFValue
  }

  package struct Tensor: Hashable, Sendable {
    package let name: String
    package let dimensions: [UInt64]
    package let type: GGUFTensorType
    /// Bytes from the start of the tensor data.
    package let offset: UInt64

    /// Product of the dimensions, 0 when there are none.
    package let elementCount: UInt64
  }

  package let version: UInt32
  package let byteOrder: ByteOrder
  /// In the order of the file, duplicates included.
  package let metadata: [Entry]
  package let tensors: [Tensor]
  /// Where the reference takes the tensor data to begin: the next multiple of the alignment after the last tensor
  /// record. A record that ends on a multiple already gets a whole alignment more, so this may be past the true start.
  package let tensorDataStart: UInt64
  /// Bytes of the whole file.
  package let fileSize: UInt64

  package init(reading source: some GGUFSource) throws(GGUFError) {
    var reader = GGUFReader(source)
    fileSize = source.size
    (version, byteOrder) = try Self.readPreamble(&reader)

    // A pair is a key's length, a type and a value; a tensor a name's length, two numbers and an offset.
    let smallestPair = reader.lengthSize + 5
    let smallestTensor = reader.lengthSize + 16
    let tensorCount = try reader.count(of: "tensors", minimumSize: smallestTensor, limit: GGUFLimits.tensors)
    let pairCount = try reader.count(of: "metadata pairs", minimumSize: smallestPair, limit: GGUFLimits.pairs)

    var metadata: [Entry] = []
    for _ in 0..<pairCount { metadata.append(try Self.readEntry(&reader)) }
    self.metadata = metadata

    var tensors: [Tensor] = []
    for _ in 0..<tensorCount { tensors.append(try Self.readTensor(&reader)) }
    self.tensors = tensors

    let alignment = Self.alignment(of: metadata)
    let padding = alignment - reader.position % alignment
    tensorDataStart = reader.position + padding
    let dataStart = reader.position + padding % alignment
    for tensor in tensors where dataStart > fileSize || tensor.offset > fileSize - dataStart {
      throw GGUFError(
        .truncated,
        "the data of tensor \"\(tensor.name)\" begins \(tensor.offset) bytes after offset \(dataStart), "
          + "past the end of the file at \(fileSize)")
    }
  }

  /// The value of the last pair with this key.
  package subscript(key: String) -> GGUFValue? {
    metadata.last { $0.key == key }?.value
  }

  package var chatTemplate: String? { self["tokenizer.chat_template"]?.string }

  private static func readPreamble(_ reader: inout GGUFReader) throws(GGUFError) -> (UInt32, ByteOrder) {
    let magic: UInt32
    do {
      magic = try reader.integer(UInt32.self, "the magic number")
    } catch {
      throw error.code == .truncated ? notGGUF : error
    }
    // "GGUF" in file order. Big-endian files have either the word or only the numbers after it swapped.
    guard magic == 0x4655_4747 || magic == 0x4747_5546 else { throw notGGUF }
    reader.isBigEndian = magic == 0x4747_5546
    var version = try reader.integer(UInt32.self, "the version")
    if !reader.isBigEndian, (1...3).contains(version.byteSwapped) {
      reader.isBigEndian = true
      version = version.byteSwapped
    }
    guard (1...3).contains(version) else {
      throw GGUFError(.unsupportedVersion, "GGUF version \(version) is not supported (supported: 1, 2, 3)")
    }
    reader.layout = version == 1 ? .narrow : .wide
    return (version, reader.isBigEndian ? .bigEndian : .littleEndian)
  }

  private static var notGGUF: GGUFError {
    GGUFError(.notGGUF, "it is not a GGUF file: it does not begin with \"GGUF\"")
  }

  private static func readEntry(_ reader: inout GGUFReader) throws(GGUFError) -> Entry {
    let start = reader.position
    guard let key = try reader.string("a metadata key", limit: GGUFLimits.keyLength) else {
      throw GGUFError(.tooLarge, "the metadata key at offset \(start) is longer than \(GGUFLimits.keyLength) bytes")
    }
    let type = try readValueType(&reader)
    return Entry(key: key, value: try readValue(&reader, of: type))
  }

  private static func readValueType(_ reader: inout GGUFReader) throws(GGUFError) -> GGUFValueType {
    let start = reader.position
    let number = try reader.integer(UInt32.self, "a value type")
    guard let type = GGUFValueType(rawValue: number) else {
      throw GGUFError(.malformed, "unknown metadata value type \(number) at offset \(start)")
    }
    return type
  }

  private static func readValue(_ reader: inout GGUFReader, of type: GGUFValueType) throws(GGUFError) -> GGUFValue {
    let what = "a metadata value"
    switch type {
    case .uint8: return .unsigned(UInt64(try reader.integer(UInt8.self, what)))
    case .int8: return .signed(Int64(Int8(bitPattern: try reader.integer(UInt8.self, what))))
    case .uint16: return .unsigned(UInt64(try reader.integer(UInt16.self, what)))
    case .int16: return .signed(Int64(Int16(bitPattern: try reader.integer(UInt16.self, what))))
    case .uint32: return .unsigned(UInt64(try reader.integer(UInt32.self, what)))
    case .int32: return .signed(Int64(Int32(bitPattern: try reader.integer(UInt32.self, what))))
    case .uint64: return .unsigned(try reader.integer(UInt64.self, what))
    case .int64: return .signed(Int64(bitPattern: try reader.integer(UInt64.self, what)))
    case .float32: return .float(Double(Float(bitPattern: try reader.integer(UInt32.self, what))))
    case .float64: return .float(Double(bitPattern: try reader.integer(UInt64.self, what)))
    case .bool: return .bool(try reader.integer(UInt8.self, what) != 0)
    case .string:
      return try reader.string(what, limit: GGUFLimits.textLength).map(GGUFValue.string) ?? .omitted
    case .array: return try readArray(&reader, depth: 1)
    }
  }

  private static func readArray(_ reader: inout GGUFReader, depth: Int) throws(GGUFError) -> GGUFValue {
    let start = reader.position
    guard depth <= GGUFLimits.arrayDepth else {
      throw GGUFError(
        .tooLarge, "the array at offset \(start) is nested more than \(GGUFLimits.arrayDepth) levels deep")
    }
    let type = try readValueType(&reader)
    let smallest = type.fixedSize.map(UInt64.init) ?? (type == .string ? reader.lengthSize : reader.lengthSize + 4)
    let count = try reader.count(of: "array elements", minimumSize: smallest)
    if type == .array {
      try reader.willWalk(count)
      for _ in 0..<count { _ = try readArray(&reader, depth: depth + 1) }
      return .omitted
    }
    if count <= GGUFLimits.arrayElements, depth == 1 {
      var elements: [GGUFValue] = []
      for _ in 0..<count { elements.append(try readValue(&reader, of: type)) }
      return .array(elements)
    }
    if let size = type.fixedSize {
      try reader.skip(count, of: size, "an array")
    } else {
      try reader.willWalk(count)
      for _ in 0..<count { try reader.skipString("an array element") }
    }
    return .omitted
  }

  private static func readTensor(_ reader: inout GGUFReader) throws(GGUFError) -> Tensor {
    let start = reader.position
    guard let name = try reader.string("a tensor name", limit: GGUFLimits.tensorNameLength) else {
      throw GGUFError(
        .tooLarge, "the tensor name at offset \(start) is longer than \(GGUFLimits.tensorNameLength) bytes")
    }
    let dimensionCount = try reader.integer(UInt32.self, "a number of dimensions")
    guard dimensionCount <= GGUFLimits.dimensions else {
      throw GGUFError(
        .malformed,
        "the tensor at offset \(start) has \(dimensionCount) dimensions: more than \(GGUFLimits.dimensions)")
    }
    var dimensions: [UInt64] = []
    var elementCount: UInt64 = dimensionCount == 0 ? 0 : 1
    for _ in 0..<dimensionCount {
      let dimension =
        switch reader.layout {
        case .narrow: UInt64(try reader.integer(UInt32.self, "a dimension"))
        case .wide: try reader.integer(UInt64.self, "a dimension")
        }
      let (product, overflow) = elementCount.multipliedReportingOverflow(by: dimension)
      guard !overflow else {
        throw GGUFError(.malformed, "the tensor at offset \(start) has more elements than can be counted")
      }
      dimensions.append(dimension)
      elementCount = product
    }
    let number = try reader.integer(UInt32.self, "a tensor type")
    guard let type = GGUFTensorType(number: number) else {
      throw GGUFError(.unknownTensorType, "unknown tensor type \(number) at offset \(reader.position - 4)")
    }
    let offset = try reader.integer(UInt64.self, "a tensor offset")
    return Tensor(name: name, dimensions: dimensions, type: type, offset: offset, elementCount: elementCount)
  }

  /// `general.alignment` if it is a usable number, else the format's default.
  private static func alignment(of metadata: [Entry]) -> UInt64 {
    let value = metadata.last { $0.key == "general.alignment" }?.value.unsigned
    return value.flatMap { (1...UInt64(UInt32.max)).contains($0) ? $0 : nil } ?? 32
  }
}

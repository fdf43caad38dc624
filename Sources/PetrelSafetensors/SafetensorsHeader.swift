// SPDX-License-Identifier: Apache-2.0

/// What a safetensors file says about itself before its tensor data begins. The tensor data is never read, and of the
/// tensors only sums are kept, so memory does not grow with their number.
///
/// Source: the safetensors format description (Hugging Face): eight bytes with the header's length, little-endian, a
/// JSON object with one member for each tensor and an optional `__metadata__`, then the data.
package struct SafetensorsHeader: Sendable, Hashable {
  /// `__metadata__` as texts. What is no text, number or boolean, or is overlong, is left out.
  package private(set) var metadata: [String: String] = [:]
  package private(set) var tensorCount: UInt64 = 0
  /// Elements of all tensors; stops at the largest number.
  package private(set) var parameterCount: UInt64 = 0
  /// The types of the tensors: `BF16`, `F32`.
  package private(set) var types: Set<String> = []

  private static let metadataName = Array("__metadata__".utf8)

  package init(reading source: some SafetensorsSource) throws(SafetensorsError) {
    guard source.size >= 8 else { throw SafetensorsError(.truncated, "the file is too short to have a header") }
    let length = try source.readBytes(at: 0, count: 8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= SafetensorsLimits.header else {
      throw SafetensorsError(
        .tooLarge, "the header announces \(length) bytes: more than \(SafetensorsLimits.header)")
    }
    guard length >= 2, length <= source.size - 8 else {
      throw SafetensorsError(
        .truncated, "the header announces \(length) bytes, but \(source.size - 8) follow")
    }
    let dataSize = source.size - 8 - length
    var scanner = HeaderScanner(source, from: 8, count: length)
    var retained = 0
    try scanner.object { name, scanner throws(SafetensorsError) in
      if name == Self.metadataName {
        try readMetadata(&scanner, retained: &retained)
      } else {
        try readTensor(&scanner, dataSize: dataSize)
      }
    }
    try scanner.end()
  }

  private mutating func readMetadata(_ scanner: inout HeaderScanner, retained: inout Int) throws(SafetensorsError) {
    // `null` is what some writers leave when they have nothing to say.
    guard try scanner.next() == UInt8(ascii: "{") else { return try scanner.skipValue() }
    try scanner.object { name, scanner throws(SafetensorsError) in
      guard let value = try scanner.scalarText() else { return }
      retained += name.count + value.utf8.count
      guard retained <= SafetensorsLimits.retainedText else {
        throw SafetensorsError(
          .tooLarge, "the texts of __metadata__ take more than \(SafetensorsLimits.retainedText) bytes")
      }
      metadata[String(decoding: name, as: UTF8.self)] = value
    }
  }

  private mutating func readTensor(_ scanner: inout HeaderScanner, dataSize: UInt64) throws(SafetensorsError) {
    let start = scanner.offset
    var type: String?
    var shape: [UInt64]?
    var place: [UInt64]?
    try scanner.object { name, scanner throws(SafetensorsError) in
      switch String(decoding: name, as: UTF8.self) {
      case "dtype":
        let text = try scanner.string(limit: SafetensorsLimits.typeName)
        type = text.map { String(decoding: $0, as: UTF8.self) }
      case "shape": shape = try scanner.numbers(limit: SafetensorsLimits.dimensions)
      case "data_offsets": place = try scanner.numbers(limit: 2)
      default: try scanner.skipValue()
      }
    }
    guard let type, let shape, let place, place.count == 2 else {
      throw SafetensorsError(
        .malformed, "the tensor at offset \(start) lacks its dtype, its shape or the two numbers of its data_offsets")
    }
    guard place[0] <= place[1], place[1] <= dataSize else {
      throw SafetensorsError(
        .truncated,
        "the data of the tensor at offset \(start) is said to be at \(place[0])..<\(place[1]) of \(dataSize) bytes")
    }
    var elements: UInt64 = 1
    for dimension in shape {
      let (product, overflow) = elements.multipliedReportingOverflow(by: dimension)
      guard !overflow else {
        throw SafetensorsError(.malformed, "the tensor at offset \(start) has more elements than can be counted")
      }
      elements = product
    }
    if let bits = Self.bits[type] {
      let (total, overflow) = elements.multipliedReportingOverflow(by: bits)
      guard !overflow, total % 8 == 0, total / 8 == place[1] - place[0] else {
        throw SafetensorsError(
          .malformed, "the tensor at offset \(start) has \(place[1] - place[0]) bytes, which is not what its shape asks"
        )
      }
    }
    tensorCount += 1
    parameterCount = parameterCount.addingReportingOverflow(elements).overflow ? .max : parameterCount + elements
    types.insert(type)
    guard types.count <= 256 else {
      throw SafetensorsError(.tooLarge, "the tensors have more than 256 different types")
    }
  }

  /// Bits of one element. Types that are not listed are taken as they come.
  private static let bits: [String: UInt64] = [
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
  ]
}

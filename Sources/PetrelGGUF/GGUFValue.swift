// SPDX-License-Identifier: Apache-2.0

/// A metadata value.
package enum GGUFValue: Hashable, Sendable {
  case unsigned(UInt64)
  case signed(Int64)
  /// 32-bit floats are widened.
  case float(Double)
  case bool(Bool)
  /// Without white space at either end. Invalid UTF-8 is replaced by U+FFFD.
  case string(String)
  /// At most ``GGUFLimits/arrayElements`` elements, none of them an array.
  case array([GGUFValue])
  /// A longer array, an array of arrays or an overlong string: its place is known, its content was not kept.
  case omitted

  package var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The value of an integer of any width that is not negative.
  package var unsigned: UInt64? {
    switch self {
    case .unsigned(let value): value
    case .signed(let value): UInt64(exactly: value)
    default: nil
    }
  }

  /// The value as configs of models show it: integers in decimal, floats with six decimals, the elements of an array
  /// joined by `, `. Nil for what was not kept.
  package var text: String? {
    switch self {
    case .unsigned(let value): String(value)
    case .signed(let value): String(value)
    case .float(let value): DecimalText.fixed(value, decimals: 6)
    case .bool(let value): value ? "true" : "false"
    case .string(let value): value
    case .array(let elements): elements.compactMap(\.text).joined(separator: ", ")
    case .omitted: nil
    }
  }
}

/// Type numbers of metadata values. Source: the GGUF specification, `gguf_metadata_value_type`.
enum GGUFValueType: UInt32 {
  case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

  /// Bytes that one value takes, nil for strings and arrays.
  var fixedSize: Int? {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }
}

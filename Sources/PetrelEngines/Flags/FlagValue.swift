// SPDX-License-Identifier: Apache-2.0

/// What comes after an engine's flag.
enum FlagValue: Sendable {
  /// Nothing: the flag is a switch.
  case none
  case integer(ClosedRange<Int>)
  /// A whole number, or one of these words.
  case integerOr(ClosedRange<Int>, [String])
  /// Two whole numbers, each an element of its own.
  case integerPair(ClosedRange<Int>)
  case number(ClosedRange<Double>)
  /// Numbers of zero and more, separated by commas.
  case numbers
  case choice([String])
  /// One of these words; the first when there is none.
  case optionalChoice([String])
  /// Hexadecimal digits.
  case hex
  /// `lo-hi`.
  case range
  /// Names and punctuation, but nothing that could be a path.
  case names
  /// Text that the engine takes as it is and never as the name of a file: a grammar, a template, JSON.
  case text

  /// Longer texts are a mistake.
  private static let maximumText = 128 * 1024
  private static let maximumNames = 1024

  /// How many elements of the command line follow.
  var count: Int {
    switch self {
    case .none: 0
    case .integerPair: 2
    default: 1
    }
  }

  /// What is wrong with a value; nil when it is good. No value that passes can be taken for a flag by the engine, as the
  /// parser has seen to it that a dash is followed by a digit.
  func complaint(about value: String) -> String? {
    switch self {
    case .none: "no value"
    case .integer(let range), .integerPair(let range):
      Self.integer(value, in: range) ? nil : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .integerOr(let range, let words):
      words.contains(value) || Self.integer(value, in: range)
        ? nil
        : "a whole number from \(range.lowerBound) to \(range.upperBound), or \(words.joined(separator: " or "))"
    case .number(let range):
      Self.number(value, in: range) ? nil : "a number from \(range.lowerBound) to \(range.upperBound)"
    case .numbers:
      value.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { Self.number($0, in: 0...1e6) }
        && value.utf8.count <= Self.maximumNames ? nil : "numbers separated by commas"
    case .choice(let words), .optionalChoice(let words):
      words.contains(value) ? nil : "one of " + words.joined(separator: ", ")
    case .hex:
      !value.isEmpty && value.utf8.count <= 256 && value.replacing(/^0[xX]/, with: "").allSatisfy(\.isHexDigit)
        ? nil : "hexadecimal digits"
    case .range:
      value.wholeMatch(of: /[0-9]{1,4}-[0-9]{1,4}/) != nil ? nil : "a range such as 0-7"
    case .names:
      !value.isEmpty && value.utf8.count <= Self.maximumNames && value.utf8.allSatisfy(Self.isNameByte)
        ? nil : "names of up to \(Self.maximumNames) characters"
    case .text:
      !value.isEmpty && value.utf8.count <= Self.maximumText && !value.utf8.contains(0)
        ? nil : "text of up to \(Self.maximumText) bytes"
    }
  }

  /// Whether a value may hold slashes: it is never looked at as a path.
  var mayHoldSlashes: Bool { if case .text = self { true } else { false } }

  private static func integer(_ text: some StringProtocol, in range: ClosedRange<Int>) -> Bool {
    let digits = text.first == "-" ? text.dropFirst() : text[...]
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let value = Int(text) else { return false }
    return range.contains(value)
  }

  /// Plain decimals only: no `inf`, `nan`, hexadecimal or exponent.
  private static func number(_ text: some StringProtocol, in range: ClosedRange<Double>) -> Bool {
    let digits = text.first == "-" ? text.dropFirst() : text[...]
    guard !digits.isEmpty, digits.count <= 32, digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
      let value = Double(String(text))
    else { return false }
    return range.contains(value)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "_-.,:;=*+?()[]|^$".utf8.contains(byte)
    }
  }
}

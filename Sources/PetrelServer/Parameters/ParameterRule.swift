// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// What the value of a parameter must be. `null` always counts as left out.
enum ParameterRule: Sendable {
  case number(ClosedRange<Double>)
  case integer(ClosedRange<Int>)
  case bool
  case text
  case filledText
  case oneOf([String])
  /// A text or an array of texts.
  case texts
  case integers
  case filledArray
  /// The engine would ignore it; the values that change nothing are taken. The text says why, or what to use instead.
  case withoutEffect(_ harmless: [String], String)
  case responseFormat
  case tools
  case toolChoice
  case streamOptions
  case tokenBias

  /// - Returns: nil when the value is right; else what is wrong, with the path below the parameter.
  func complaint(about value: JSONEnvelope.Value, _ bytes: UnsafeRawBufferPointer) -> ParameterComplaint? {
    if value.kind == .null { return nil }
    switch self {
    case .number(let range):
      guard let number = Self.number(value, bytes), range.contains(number) else {
        return wrong(
          "must be a number from \(Self.shown(range.lowerBound)) to \(Self.shown(range.upperBound))", value, bytes)
      }
    case .integer(let range):
      guard let number = Self.number(value, bytes), number == number.rounded(), number >= Double(range.lowerBound),
        number <= Double(range.upperBound)
      else { return wrong("must be a whole number from \(range.lowerBound) to \(range.upperBound)", value, bytes) }
    case .bool:
      guard case .bool = value.kind else { return wrong("must be true or false", value, bytes) }
    case .text:
      guard value.kind == .string else { return wrong("must be a string", value, bytes) }
    case .filledText:
      guard value.kind == .string, value.string(in: bytes)?.isEmpty == false else {
        return wrong("must be a string that is not empty", value, bytes)
      }
    case .oneOf(let texts):
      guard let text = value.string(in: bytes), texts.contains(text) else {
        return wrong("must be one of \(texts.joined(separator: ", "))", value, bytes)
      }
    case .texts:
      guard value.kind == .string || Self.isArray(of: .string, value, bytes) else {
        return wrong("must be a string or an array of strings", value, bytes)
      }
    case .integers:
      guard value.kind == .array, let elements = try? JSONEnvelope.elements(at: value.range.lowerBound, of: bytes),
        elements.allSatisfy({ Self.number($0, bytes).map { $0 >= 0 && $0 == $0.rounded() } == true })
      else { return ParameterComplaint("must be an array of tokens, which are whole numbers from 0") }
    case .filledArray:
      guard value.kind == .array, (try? JSONEnvelope.elements(at: value.range.lowerBound, of: bytes))?.isEmpty == false
      else { return ParameterComplaint("must be an array with at least one element") }
    case .withoutEffect(let harmless, let advice):
      guard harmless.contains(Self.excerpt(value, bytes) ?? "") else { return ParameterComplaint(advice) }
    case .responseFormat: return StructuredParameters.responseFormat(value, bytes)
    case .tools: return StructuredParameters.tools(value, bytes)
    case .toolChoice: return StructuredParameters.toolChoice(value, bytes)
    case .streamOptions: return StructuredParameters.streamOptions(value, bytes)
    case .tokenBias: return StructuredParameters.tokenBias(value, bytes)
    }
    return nil
  }

  private func wrong(
    _ wanted: String, _ value: JSONEnvelope.Value, _ bytes: UnsafeRawBufferPointer
  ) -> ParameterComplaint {
    ParameterComplaint(wanted + (Self.excerpt(value, bytes).map { ", but is \($0)" } ?? ""))
  }

  static func number(_ value: JSONEnvelope.Value, _ bytes: UnsafeRawBufferPointer) -> Double? {
    guard value.kind == .number else { return nil }
    return Double(String(decoding: bytes[value.range], as: UTF8.self))
  }

  static func isArray(
    of kind: JSONEnvelope.Value.Kind, _ value: JSONEnvelope.Value, _ bytes: UnsafeRawBufferPointer
  ) -> Bool {
    guard value.kind == .array else { return false }
    return (try? JSONEnvelope.elements(at: value.range.lowerBound, of: bytes))?.allSatisfy { $0.kind == kind } == true
  }

  /// Short values as they were written.
  private static func excerpt(_ value: JSONEnvelope.Value, _ bytes: UnsafeRawBufferPointer) -> String? {
    value.range.count <= 40 ? String(decoding: bytes[value.range], as: UTF8.self) : nil
  }

  private static func shown(_ number: Double) -> String {
    number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(number)
  }
}

/// What is wrong with a parameter: a text that goes on after the parameter's name.
struct ParameterComplaint: Equatable, Sendable {
  /// Where below the parameter: `.json_schema.schema`; empty for itself.
  var path = ""
  var text: String

  init(_ text: String, at path: String = "") {
    self.text = text
    self.path = path
  }
}

// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a JSON body, for the client that sent it.
enum DecodingFault {
  /// Begins with the member: `from is missing`.
  static func text(_ error: any Error, isEmpty: Bool) -> String {
    if isEmpty { return "the body is missing; it must be a JSON object" }
    switch error {
    case DecodingError.keyNotFound(let key, let context): return "\(name(context.codingPath + [key])) is missing"
    case DecodingError.valueNotFound(_, let context) where !context.codingPath.isEmpty:
      return "\(name(context.codingPath)) must not be null"
    case DecodingError.typeMismatch(_, let context) where !context.codingPath.isEmpty:
      return "\(name(context.codingPath)) has the wrong type"
    case DecodingError.typeMismatch, DecodingError.valueNotFound: return "it must be a JSON object"
    case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty: return context.debugDescription
    default: return "it is no valid JSON"
    }
  }

  private static func name(_ path: [any CodingKey]) -> String {
    path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
  }
}

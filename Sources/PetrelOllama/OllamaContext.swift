// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// The `context` of `/api/generate`: numbers that a client gives back with its next prompt to go on with a
/// conversation. What they mean is the server's own affair; here they hold the conversation as text, so that the next
/// prompt goes through the model's template like any other turn.
///
/// The first number is a mark, each further one holds up to three bytes of JSON, the first byte lowest. In the last
/// group missing bytes are blanks.
enum OllamaContext {
  private static let mark = 5_265_516

  static func encode(_ messages: [JSONNode]) -> JSONNode {
    let bytes = JSONNode.array(messages).bytes
    var numbers: [JSONNode] = [.number(String(mark))]
    numbers.reserveCapacity(bytes.count / 3 + 2)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      func byte(_ offset: Int) -> Int { start + offset < bytes.count ? Int(bytes[start + offset]) : 0x20 }
      numbers.append(.number(String(byte(0) | byte(1) << 8 | byte(2) << 16)))
    }
    return .array(numbers)
  }

  /// - Throws: ``OllamaError`` for numbers that are not from here, as those of another server.
  static func decode(_ context: JSONNode?) throws(OllamaError) -> [JSONNode] {
    guard let context, !context.isNull else { return [] }
    guard let numbers = context.elements else { throw OllamaError("context must be an array of numbers") }
    guard let first = numbers.first else { return [] }
    let foreign = OllamaError(
      "context is not one that this server has given out: contexts are good at the server where they come from")
    guard first.integer == mark else { throw foreign }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(numbers.count * 3)
    for number in numbers.dropFirst() {
      guard let value = number.integer, value >= 0, value < 1 << 24 else { throw foreign }
      for shift in [0, 8, 16] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
    let parsed = bytes.withUnsafeBytes { try? JSONNode(parsing: $0) }
    guard let messages = parsed?.elements, messages.allSatisfy({ $0["role"]?.string != nil }) else { throw foreign }
    return messages
  }
}

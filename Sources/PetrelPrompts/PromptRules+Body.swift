// SPDX-License-Identifier: Apache-2.0

import PetrelWire

extension PromptRules {
  /// A request as the rules leave it.
  package struct ChangedBody: Sendable, Equatable {
    package var bytes: [UInt8]
    /// The rules that changed something.
    package var applied: [String]
  }

  /// Applies the rules to a request in the words of chat completions. Bytes outside of the two messages that are
  /// concerned stay as they are.
  ///
  /// - Parameters:
  ///   - offset: where the value of `messages` begins.
  ///   - bytes: valid JSON.
  /// - Returns: nil when no rule changes anything.
  package func applied(toMessagesAt offset: Int, of bytes: UnsafeRawBufferPointer) -> ChangedBody? {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: "["),
      let elements = try? JSONEnvelope.elements(at: offset, of: bytes), let first = elements.first
    else { return nil }
    let target = elements.last { element in
      let message = try? JSONEnvelope(objectAt: element.range.lowerBound, of: bytes, for: ["role"])
      return ["user", "tool"].contains(message?.string("role", in: bytes))
    }
    let concerned = [first] + (target.map { [$0] } ?? [])
    var messages: [JSONNode] = []
    for element in concerned {
      guard let node = try? JSONNode(parsing: UnsafeRawBufferPointer(rebasing: bytes[element.range])) else {
        return nil
      }
      messages.append(node)
    }
    let applied = apply(to: &messages)
    guard !applied.isEmpty else { return nil }
    var changed: [UInt8] = []
    changed.reserveCapacity(bytes.count + 64)
    changed += bytes[..<first.range.lowerBound]
    var position = first.range.upperBound
    if messages.count == concerned.count {
      changed += messages.removeFirst().bytes
    } else if elements.count > 1 {
      // The first message is gone, and the comma behind it.
      position = elements[1].range.lowerBound
    }
    if let target, let message = messages.first {
      changed += bytes[position..<target.range.lowerBound]
      changed += message.bytes
      position = target.range.upperBound
    }
    changed += bytes[position...]
    return ChangedBody(bytes: changed, applied: applied)
  }
}

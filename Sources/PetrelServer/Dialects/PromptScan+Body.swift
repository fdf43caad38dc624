// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelPrompts
import PetrelWire

extension PromptScan {
  /// A request in the words of chat completions, with the rules applied.
  ///
  /// - Parameters:
  ///   - body: valid JSON.
  ///   - messages: where the value of `messages` begins.
  /// - Returns: nil for nearly all requests: no rule changes them.
  func applied(to body: ByteBuffer, messages: Int) -> PromptRules.ChangedBody? {
    body.withUnsafeReadableBytes { bytes in
      mayApply(toMessagesAt: messages, of: bytes) ? rules.applied(toMessagesAt: messages, of: bytes) : nil
    }
  }

  /// The same, where `messages` is still to be found.
  func applied(to body: ByteBuffer) -> PromptRules.ChangedBody? {
    let messages = body.withUnsafeReadableBytes { bytes in
      (try? JSONEnvelope(scanning: bytes, for: ["messages"]))?["messages"]?.range.lowerBound
    }
    return messages.flatMap { applied(to: body, messages: $0) }
  }
}

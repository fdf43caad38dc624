// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelAPI
import PetrelHTTP
import PetrelWire

/// How a request that has to wait wants to be treated. Read only then: the hot lane has no use for it.
struct RequestWish: Sendable, Equatable {
  static let priorityHeader = "X-Petrel-Priority"

  var wantsStream = false
  /// Nil for what is set for the model.
  var priority: ModelSettings.Priority?

  /// The header says `interactive` or `batch`; else OpenAI's `service_tier` says `priority` or `flex`.
  ///
  /// - Throws: ``OpenAIError`` for a header that says something else.
  init(_ head: RequestHead, _ body: ByteBuffer) throws(OpenAIError) {
    let (wantsStream, tier) = body.withUnsafeReadableBytes { bytes -> (Bool, String?) in
      // A body that is not JSON has been refused before.
      guard let envelope = try? JSONEnvelope(scanning: bytes, for: ["stream", "service_tier"]) else {
        return (false, nil)
      }
      return (envelope.bool("stream") == true, envelope.string("service_tier", in: bytes))
    }
    self.wantsStream = wantsStream
    if let header = head.headers.first(name: Self.priorityHeader) {
      guard let priority = ModelSettings.Priority(rawValue: header.lowercased()) else {
        throw OpenAIError(
          .badRequest, "\(Self.priorityHeader) is \"\(header)\", but it must be interactive or batch",
          code: "invalid_priority")
      }
      self.priority = priority
    } else {
      priority = tier == "flex" ? .batch : tier == "priority" ? .interactive : nil
    }
  }
}

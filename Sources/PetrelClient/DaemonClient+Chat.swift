// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import PetrelWire

extension DaemonClient {
  private static let chatPath = "/engines/v1/chat/completions"
  private static let maximumCompletionBytes = 16 << 20

  /// Asks for an answer to `messages`; `onEvent` gets it as it is generated. An error of the engine in the middle, or a
  /// connection that ends before the answer does, is thrown.
  package func chat(model: String, messages: [ChatMessage], onEvent: (ChatEvent) throws -> Void) async throws {
    let request = ChatRequest(
      model: model, messages: messages, stream: true, streamOptions: .init(includeUsage: true))
    let response = try await send(.POST, Self.chatPath, json: request)
    var events = ChatEventDecoder()

    if response.headers.first(name: "Content-Type")?.hasPrefix("application/json") == true {
      // Some engines do not stream.
      var bytes: [UInt8] = []
      try await forEachPiece(of: response) { piece in
        guard bytes.count + piece.count <= Self.maximumCompletionBytes else {
          throw ClientError(.unexpectedAnswer, "the answer has more than \(Self.maximumCompletionBytes) bytes")
        }
        bytes += piece
      }
      for event in try events.decode(completion: String(decoding: bytes, as: UTF8.self)) { try onEvent(event) }
      return
    }

    var decoder = SSEDecoder()
    func consume(_ event: SSEEvent) throws {
      for event in try events.decode(event) { try onEvent(event) }
    }
    try await forEachPiece(of: response) { piece in
      for event in try decoder.decode(piece) { try consume(event) }
    }
    if let last = try decoder.finish() { try consume(last) }
    guard events.isComplete else {
      throw ClientError(
        .connection, "the answer was cut off: the daemon's stream ended early; see its log for the reason")
    }
  }

  /// Loads a model into memory without asking it anything; returns when it is ready.
  package func preload(model: String) async throws {
    let request = ChatRequest(model: model, messages: [], stream: false)
    try await discard(send(.POST, Self.chatPath, json: request, headers: [("X-Preload-Only", "true")]))
  }
}

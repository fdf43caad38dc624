// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelEngines
import PetrelHTTP
import PetrelScheduling
import PetrelWire

/// An endpoint in other words than OpenAI's, which an engine answers nevertheless.
protocol Dialect: Sendable {
  /// Puts a request into the engine's words. Runs on an event loop when the body is small, else on a task.
  ///
  /// - Throws: ``OpenAIError``, or what ``ErrorMapping`` knows. ``UnpreparedModel`` when something has to be known of the
  ///   model first; then the dialect that ``prepared(for:)`` gives is asked.
  func translate(_ head: RequestHead, _ body: ByteBuffer) throws -> TranslatedRequest

  /// The answer to a request that failed before anything of an answer was sent.
  func refusal(_ error: OpenAIError) -> SimpleResponse

  /// The same dialect, knowing what it needs of this model.
  func prepared(for model: String) async throws -> Self
}

extension Dialect {
  func prepared(for model: String) async throws -> Self { self }
}

/// A request can't be translated before something is known of its model.
struct UnpreparedModel: Error {
  /// As the request wrote it.
  let name: String
}

/// A request in the engine's words, and how to put the answer back.
struct TranslatedRequest: Sendable {
  /// A body that is no JSON.
  struct Form: Sendable {
    var contentType: String
    /// What is recorded in its place.
    var record: ByteBuffer
  }

  /// As the request wrote it.
  var model: String
  var endpoint: InferenceEndpoint
  var options = RequestOptions()
  /// For the engine. Nil when the model is only to be loaded, or unloaded.
  var body: ByteBuffer?
  /// Says what the body is, when it is no JSON.
  var form: Form?
  /// Without a body: the model's engines are to end.
  var unloads = false
  var translator: any AnswerTranslator
  /// For the record: which dialect it came in.
  var origin: String?
  /// For the record: which rules changed the prompt.
  var promptRules: [String] = []
}

/// Puts one answer of an engine into a dialect. Called on one event loop; pure but for a clock.
protocol AnswerTranslator: Sendable {
  /// The headers of a stream; nil when the client wants the answer in one piece.
  var streamHeaders: HTTPHeaders? { get }
  /// Sent in a stream when nothing else has been for a while: what clients skip, before, between and after events.
  var keepAlive: ByteBuffer { get }

  /// The answer is about to be waited for; `exchange` is the client's.
  mutating func begin(_ exchange: Exchange)
  /// The model is loaded, and the request is about to go to its engine.
  mutating func leased()
  /// The answer when the model was only to be loaded, or unloaded.
  mutating func loaded() -> SimpleResponse
  /// Appends what the client gets for one event of the engine's stream. `[DONE]` does not come here.
  ///
  /// - Throws: when the engine reports an error, or writes what can't be understood. Its stream is given up then.
  mutating func translate(_ event: SSEEvent, into output: inout [UInt8]) throws(OpenAIError)
  /// Appends what is left to say at the end of the engine's stream.
  mutating func finish(into output: inout [UInt8]) throws(OpenAIError)
  /// The answer for one that came in one piece. Runs on a task when it is large.
  mutating func translate(whole body: ByteBuffer) throws(OpenAIError) -> SimpleResponse
  /// Appends what tells the client that a stream which has begun has failed; the stream ends with it.
  mutating func fail(_ error: OpenAIError, into output: inout [UInt8])
  /// What must be done before the client learns that its answer is complete, or has failed in the middle. Asked for
  /// once, after the end of the answer has been translated.
  mutating func conclusion() -> (@Sendable () async -> Void)?
}

extension AnswerTranslator {
  mutating func begin(_ exchange: Exchange) {}
  mutating func leased() {}
  mutating func conclusion() -> (@Sendable () async -> Void)? { nil }
  mutating func loaded() -> SimpleResponse { SimpleResponse() }
}

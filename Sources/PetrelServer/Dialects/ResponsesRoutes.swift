// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHTTP1
import PetrelHTTP
import PetrelPrompts
import PetrelResponseStore
import PetrelWire

/// The Responses API: what is created, and what was stored.
struct ResponsesRoutes: Sendable {
  private let store: ResponseStore
  private let rules: PromptRules
  private let logger: Logger
  let running = RunningResponses()

  init(store: ResponseStore, rules: PromptRules, logger: Logger) {
    self.store = store
    self.rules = rules
    self.logger = logger
  }

  /// Nil when the path is none of them.
  ///
  /// - Parameter key: of the request, if it needs one. What was made with a key is that key's.
  func route(_ head: RequestHead, _ lane: InferenceLane, key: String? = nil) -> Route? {
    guard let segments = ResponsesPaths.segments(head.path) else { return nil }
    switch (segments.count, segments.dropFirst().first) {
    case (0, _): return head.method == .POST ? create(lane, key) : APIServer.wrongMethod("POST", head)
    case (1, _):
      let id = String(segments[0])
      if head.isRead { return retrieve(id, key) }
      return head.method == .DELETE ? delete(id, key) : APIServer.wrongMethod("GET, DELETE", head)
    case (2, "input_items"):
      return head.isRead ? inputItems(of: String(segments[0]), key) : APIServer.wrongMethod("GET", head)
    case (2, "cancel"):
      return head.method == .POST ? cancel(String(segments[0]), key) : APIServer.wrongMethod("POST", head)
    default: return .answer(OpenAIError(.notFound, "\(head.method) \(head.path): not found").response)
    }
  }

  // MARK: Creating

  private func create(_ lane: InferenceLane, _ key: String?) -> Route {
    .onLoop(bodyLimit: lane.limits.body) { head, body, exchange in
      let dialect = ResponsesDialect(store: store, running: running, rules: rules, logger: logger, owner: key)
      guard let previous = Self.previousID(body) else { return lane.answer(dialect, head, body, exchange) }
      goOn(from: previous, dialect, lane, head, body, exchange)
    }
  }

  /// Looks up the earlier turns first.
  private func goOn(
    from previous: String, _ dialect: ResponsesDialect, _ lane: InferenceLane, _ head: RequestHead, _ body: ByteBuffer,
    _ exchange: Exchange
  ) {
    let bound = NIOLoopBound(exchange, eventLoop: exchange.eventLoop)
    let loop = exchange.eventLoop
    // Ends with the look-up.
    Task {
      do {
        var dialect = dialect
        dialect.history = try await store.history(upTo: previous, for: dialect.owner)
        let complete = dialect
        loop.execute {
          if bound.value.isOpen { lane.answer(complete, head, body, bound.value) }
        }
      } catch {
        let answer = Self.error(error, notFound: .badRequest, code: "previous_response_not_found").response
        loop.execute { bound.value.respond(answer) }
      }
    }
  }

  /// Nil also for a body that is no JSON: the dialect says so.
  private static func previousID(_ body: ByteBuffer) -> String? {
    body.withUnsafeReadableBytes { bytes in
      let envelope = try? JSONEnvelope(scanning: bytes, for: ["previous_response_id"])
      return envelope?.string("previous_response_id", in: bytes)
    }
  }

  // MARK: What was stored

  private func retrieve(_ id: String, _ key: String?) -> Route {
    .respond { [store, running] head, _ in
      if head.queryItem("stream") == "true" {
        throw OpenAIError(.badRequest, "stream can't be true: a stored response comes in one piece", param: "stream")
      }
      if let response = running[id, for: key] { return .json(response.node) }
      return .json(try await Self.found { try await store.response(id, for: key) }.body)
    }
  }

  private func delete(_ id: String, _ key: String?) -> Route {
    .respond { [store] _, _ in
      try await Self.found { try await store.delete(id, for: key) }
      return .json(["id": .string(id), "object": "response", "deleted": true])
    }
  }

  private func inputItems(of id: String, _ key: String?) -> Route {
    .respond { [store] head, _ in
      let items = try await Self.found { try await store.response(id, for: key) }.input
      return .json(try ResponseItemPage(head.queryItem).page(of: items))
    }
  }

  private func cancel(_ id: String, _ key: String?) -> Route {
    .respond { [store, running] _, _ in
      if let response = running[id, for: key] {
        response.cancel()
        let members = response.node.members ?? []
        return .json(
          .object(members.map { $0.name == "status" ? JSONMember("status", "cancelled") : $0 }))
      }
      let status = try await Self.found { try await store.response(id, for: key) }.body["status"]?.string ?? ""
      throw OpenAIError(
        .badRequest, "response \"\(id)\" is \(status), so that there is nothing left to cancel",
        code: "response_not_in_progress")
    }
  }

  private static func found<Result>(_ look: () async throws -> Result) async throws -> Result {
    do {
      return try await look()
    } catch {
      throw Self.error(error, notFound: .notFound, code: "response_not_found")
    }
  }

  private static func error(_ error: any Error, notFound: HTTPResponseStatus, code: String) -> OpenAIError {
    guard let error = error as? ResponseStoreError else { return OpenAIError(.internalServerError, "\(error)") }
    switch error.code {
    case .notFound:
      return OpenAIError(
        notFound, error.message, code: code, param: notFound == .badRequest ? "previous_response_id" : nil)
    case .unusable, .tooLarge: return OpenAIError(.internalServerError, error.message, code: "response_store_failed")
    }
  }
}

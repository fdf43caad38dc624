// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// How a request is to be answered. Chosen on the connection's event loop when the head has come.
package enum Route: Sendable {
  /// This answer, whatever the body says. A large body is not waited for.
  case fixed(SimpleResponse)
  /// Answered on the event loop from the first byte to the last: the hot lane. `answer` must neither block nor throw.
  case onLoop(bodyLimit: Int, answer: @Sendable (RequestHead, ByteBuffer, Exchange) -> Void)
  /// The body is collected, then a task answers it.
  case task(bodyLimit: Int, answer: @Sendable (RequestHead, ByteBuffer, ResponseWriter) async throws -> Void)
  /// A task answers while the body still comes in.
  case streaming(answer: @Sendable (RequestHead, RequestBody, ResponseWriter) async throws -> Void)
}

/// What a server serves.
package protocol Responder: Sendable {
  /// Chooses the route for a request.
  func route(_ head: RequestHead) -> Route
  /// Headers that the answer to this request gets, whatever it is.
  func commonHeaders(_ head: RequestHead) -> HTTPHeaders
  /// The answer for a request that is refused before its route runs: a bad target, or a body over the route's limit.
  func refusal(_ status: HTTPResponseStatus, _ message: String, path: String) -> SimpleResponse
  /// The answer for an error that a task threw before it began to answer. Nil closes the connection without one.
  func failure(_ error: any Error, head: RequestHead) -> SimpleResponse?
}

extension Responder {
  package func commonHeaders(_ head: RequestHead) -> HTTPHeaders { [:] }
}

/// A whole response.
package struct SimpleResponse: Sendable {
  package var status: HTTPResponseStatus
  package var headers: HTTPHeaders
  package var body: ByteBuffer

  package init(status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  package init(
    status: HTTPResponseStatus = .ok, contentType: String, text: String, headers: HTTPHeaders = [:]
  ) {
    self.init(status: status, headers: headers, body: ByteBuffer(string: text))
    self.headers.replaceOrAdd(name: "Content-Type", value: contentType)
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelAPI
import PetrelHTTP
import PetrelScheduling
import PetrelWire

/// What translations of bodies have in common.
enum DialectBody {
  static let eventStreamHeaders: HTTPHeaders = [
    "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache",
  ]

  static let unreadable = OpenAIError(
    .internalServerError, "the engine's answer has not the form that was expected; its log may tell why",
    code: "engine_error")

  /// - Parameter status: what an engine calls its error; whatever that is, the client gets an error.
  static func engineError(_ status: Int, _ message: String) -> OpenAIError {
    OpenAIError(
      (400..<600).contains(status) ? HTTPResponseStatus(statusCode: status) : .internalServerError, message,
      code: "engine_error")
  }

  static func parse(_ body: ByteBuffer) throws(OpenAIError) -> JSONNode {
    try body.withUnsafeReadableBytes { bytes -> Result<JSONNode, OpenAIError> in
      do throws(JSONSyntaxError) {
        return .success(try JSONNode(parsing: bytes))
      } catch {
        return .failure(OpenAIError(.badRequest, "invalid request: \(error)", code: "invalid_json"))
      }
    }.get()
  }

  static func node(_ body: ByteBuffer) -> JSONNode? { try? parse(body) }

  /// What a request may say about its engine, whatever the dialect.
  static func options(_ request: JSONNode) throws(OpenAIError) -> RequestOptions {
    guard let value = request.present("keep_alive") else { return RequestOptions() }
    if let seconds = value.double { return RequestOptions(keepAlive: KeepAlive(seconds: seconds)) }
    do throws(KeepAliveError) {
      return RequestOptions(keepAlive: try KeepAlive(parsing: value.string ?? ""))
    } catch {
      throw OpenAIError(.badRequest, "\(error)", code: "invalid_keep_alive", param: "keep_alive")
    }
  }
}

extension SimpleResponse {
  static func json(
    _ node: JSONNode, status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:]
  ) -> SimpleResponse {
    var bytes = node.bytes
    bytes.append(UInt8(ascii: "\n"))
    var response = SimpleResponse(status: status, headers: headers, body: ByteBuffer(bytes: bytes))
    response.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
    return response
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelEngines
import PetrelHTTP
import PetrelScheduling
import PetrelWire

@testable import PetrelServer

/// A dialect for tests: `{"model","say","stream"}` becomes an engine's `{"quiet"}`, and answers come back in capitals,
/// a line for each event.
struct ShoutingDialect: Dialect {
  func translate(_ head: RequestHead, _ body: ByteBuffer) throws -> TranslatedRequest {
    let request = try body.withUnsafeReadableBytes { bytes in
      do {
        return try JSONNode(parsing: bytes)
      } catch {
        throw OpenAIError(.badRequest, "\(error)")
      }
    }
    let endpoint = InferenceEndpoint(mode: .completion, enginePath: "/v1/quiet")
    return TranslatedRequest(
      model: request["model"]?.string ?? "", endpoint: endpoint,
      options: RequestOptions(contextSize: request["context"]?.integer),
      body: request["say"].map { ByteBuffer(bytes: JSONNode.object([JSONMember("quiet", $0)]).bytes) },
      translator: ShoutingTranslator(isStream: request["stream"]?.bool == true))
  }

  func refusal(_ error: OpenAIError) -> SimpleResponse {
    SimpleResponse(status: error.status, contentType: "text/loud", text: "NO! \(error.message)")
  }
}

private struct ShoutingTranslator: AnswerTranslator {
  let isStream: Bool

  var streamHeaders: HTTPHeaders? { isStream ? ["Content-Type": "text/loud"] : nil }
  var keepAlive: ByteBuffer { ByteBuffer(string: "~") }

  mutating func loaded() -> SimpleResponse { SimpleResponse(contentType: "text/loud", text: "LOADED") }

  mutating func translate(_ event: SSEEvent, into output: inout [UInt8]) throws(OpenAIError) {
    guard event.data != "bad" else { throw OpenAIError(.internalServerError, "bad event") }
    output += Array((event.data.uppercased() + "!\n").utf8)
  }

  mutating func finish(into output: inout [UInt8]) throws(OpenAIError) { output += Array("END\n".utf8) }

  mutating func translate(whole body: ByteBuffer) throws(OpenAIError) -> SimpleResponse {
    SimpleResponse(contentType: "text/loud", text: String(buffer: body).uppercased())
  }

  mutating func fail(_ error: OpenAIError, into output: inout [UInt8]) {
    output += Array("NO! \(error.message)\n".utf8)
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelHTTP
import PetrelWire

/// Of endpoints that have no streams.
protocol WholeAnswerTranslator: AnswerTranslator {
  func translate(whole body: ByteBuffer) throws(OpenAIError) -> SimpleResponse
}

extension WholeAnswerTranslator {
  var streamHeaders: HTTPHeaders? { nil }
  var keepAlive: ByteBuffer { ByteBuffer() }

  mutating func translate(_ event: SSEEvent, into output: inout [UInt8]) throws(OpenAIError) {
    throw DialectBody.unreadable
  }

  mutating func finish(into output: inout [UInt8]) throws(OpenAIError) { throw DialectBody.unreadable }

  mutating func fail(_ error: OpenAIError, into output: inout [UInt8]) {
    output.append(contentsOf: error.json.utf8)
  }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOHTTP1
import PetrelScheduling
import PetrelWire
import Testing

@testable import PetrelHTTP
@testable import PetrelServer

/// Endpoints whose requests or answers are put into other words for llama.cpp.
struct RewrittenEndpointTests {
  private static let head = RequestHead(HTTPRequestHead(version: .http1_1, method: .POST, uri: "/score"))

  private static func translate(_ dialect: some Dialect, _ body: String) throws -> TranslatedRequest {
    try dialect.translate(try #require(head), ByteBuffer(string: body))
  }

  private static func answer(_ request: TranslatedRequest, _ body: String) throws -> JSONNode {
    var translator = request.translator
    let response = try translator.translate(whole: ByteBuffer(string: body))
    return try JSONNode(parsing: String(buffer: response.body))
  }

  private static func refusal(_ dialect: some Dialect, _ body: String) -> OpenAIError? {
    do {
      _ = try translate(dialect, body)
      return nil
    } catch {
      return error as? OpenAIError
    }
  }

  @Test func scoresAreRankingsInTheOrderOfTheTexts() throws {
    let request = try Self.translate(
      ScoreDialect(), #"{"model":"m","text_1":"whales","text_2":["a","b","c"],"keep_alive":"5m"}"#)
    #expect(request.model == "m")
    #expect(request.endpoint.enginePath == "/rerank")
    #expect(request.options.keepAlive != nil)
    #expect(request.body.map { String(buffer: $0) } == #"{"model":"m","query":"whales","documents":["a","b","c"]}"#)
    let answer = try Self.answer(
      request,
      #"{"results":[{"index":2,"relevance_score":0.9},{"index":0,"relevance_score":0.5},{"index":1,"relevance_score":-1}],"#
        + #""usage":{"prompt_tokens":4,"total_tokens":4}}"#)
    #expect(
      answer.serialized()
        == #"{"object":"list","model":"m","data":[{"index":0,"object":"score","score":0.5},"#
        + #"{"index":1,"object":"score","score":-1},{"index":2,"object":"score","score":0.9}],"#
        + #""usage":{"prompt_tokens":4,"total_tokens":4}}"#)
  }

  @Test(arguments: [
    (#"{"text_1":"a","text_2":"b"}"#, "model"), (#"{"model":"m","text_2":"b"}"#, "text_1"),
    (#"{"model":"m","text_1":"a","text_2":[]}"#, "text_2"), (#"{"model":"m","text_1":"a","text_2":["b",5]}"#, "text_2"),
    (#"{"model":"m","text_1":["a","b"],"text_2":["c","d"]}"#, "text_1"),
    (#"{"model":"m","text_1":"","text_2":[""]}"#, "text_1"),
  ])
  func whatCannotBeScoredIsRefused(_ body: String, _ parameter: String) {
    #expect(Self.refusal(ScoreDialect(), body)?.param == parameter)
  }

  @Test func embeddingsAreShortenedAndBroughtToLengthOne() throws {
    let body = #"{"model":"m","input":"x","dimensions":2}"#
    #expect(ShortenedEmbeddings.isWanted(ByteBuffer(string: body)))
    #expect(!ShortenedEmbeddings.isWanted(ByteBuffer(string: #"{"model":"m","input":"the \"dimensions\" of it"}"#)))
    let request = try Self.translate(ShortenedEmbeddings(), body)
    #expect(request.body.map { String(buffer: $0) } == #"{"model":"m","input":"x"}"#)
    let whole = #"{"object":"list","data":[{"embedding":[3,4,12],"index":0,"object":"embedding"}],"model":"m"}"#
    #expect(
      try Self.answer(request, whole).serialized()
        == #"{"object":"list","data":[{"embedding":[0.6,0.8],"index":0,"object":"embedding"}],"model":"m"}"#)

    let encoded = try Self.translate(
      ShortenedEmbeddings(), #"{"model":"m","input":"x","dimensions":2,"encoding_format":"base64"}"#)
    let text = try #require(try Self.answer(encoded, whole)["data"]?.elements?.first?["embedding"]?.string)
    let bytes = try #require(Data(base64Encoded: text))
    #expect(Array(bytes) == [0x9A, 0x99, 0x19, 0x3F, 0xCD, 0xCC, 0x4C, 0x3F])
  }

  @Test func moreDimensionsThanThereAreGet400() throws {
    let request = try Self.translate(ShortenedEmbeddings(), #"{"model":"m","input":"x","dimensions":4}"#)
    #expect {
      try Self.answer(request, #"{"data":[{"embedding":[1,2,3]}]}"#)
    } throws: { error in
      let error = error as? OpenAIError
      return error?.status == .badRequest && error?.param == "dimensions"
    }
    for wrong in ["0", "-1", "1.5", #""8""#] {
      let error = Self.refusal(ShortenedEmbeddings(), #"{"model":"m","input":"x","dimensions":\#(wrong)}"#)
      #expect(error?.param == "dimensions")
    }
  }
}

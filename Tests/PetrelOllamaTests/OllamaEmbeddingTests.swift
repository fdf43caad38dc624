// SPDX-License-Identifier: Apache-2.0

import PetrelOllama
import PetrelWire
import Testing

@Suite struct OllamaEmbeddingTests {
  private func embedding(_ text: String, isLegacy: Bool = false) throws -> OllamaEmbedding {
    try OllamaEmbedding(try request(text), isLegacy: isLegacy)
  }

  private static let vectors =
    #"{"data":[{"index":1,"embedding":[0,1]},{"index":0,"embedding":[3.0,-4e0]}],"usage":{"prompt_tokens":2}}"#

  @Test(arguments: [
    (#"{"model":"m","input":"a"}"#, #"{"model":"m","input":"a","encoding_format":"float"}"#),
    (#"{"model":"m","input":["a","b"],"x":1}"#, #"{"model":"m","input":["a","b"],"encoding_format":"float","x":1}"#),
  ]) func `Inputs go to the engine`(given: String, wanted: String) throws {
    #expect(text(try #require(try embedding(given).body)) == wanted)
  }

  @Test(arguments: [#""input":7"#, #""input":["a",7]"#, #""input":"a","dimensions":-1"#, #""input":{}"#])
  func `What is no input is refused`(members: String) {
    #expect(throws: OllamaError.self) { try embedding(#"{"model":"m",\#(members)}"#) }
  }

  @Test(arguments: [#"{"model":"m"}"#, #"{"model":"m","input":""}"#, #"{"model":"m","input":[]}"#])
  func `Without an input the answer has no vectors`(given: String) throws {
    let embedding = try embedding(given)
    #expect(embedding.body == nil)
    let answer = text(OllamaVectors(embedding, at: moment).withoutInput(at: moment))
    #expect(answer.hasPrefix(#"{"model":"m","embeddings":[],"#))
  }

  @Test func `Vectors come in the order of their inputs, digit by digit`() throws {
    var vectors = OllamaVectors(try embedding(#"{"model":"m","input":["a","b"]}"#), at: moment)
    let answer = vectors.whole(try JSONNode(parsing: Self.vectors), at: moment(after: 9))
    #expect(
      text(try #require(answer))
        == #"{"model":"m","embeddings":[[3.0,-4e0],[0,1]],"total_duration":9,"load_duration":0,"prompt_eval_count":2}"#
        + "\n")
  }

  @Test func `Fewer dimensions are of length one again`() throws {
    var vectors = OllamaVectors(try embedding(#"{"model":"m","input":["a","b"],"dimensions":1}"#), at: moment)
    let answer = try #require(vectors.whole(try JSONNode(parsing: Self.vectors), at: moment))
    // A vector of zeros has no direction to keep.
    #expect(text(answer).contains(#""embeddings":[[1.0],[0.0]]"#))
  }

  @Test func `The older endpoint has one vector`() throws {
    var vectors = OllamaVectors(try embedding(#"{"model":"m","prompt":"a"}"#, isLegacy: true), at: moment)
    let answer = vectors.whole(try JSONNode(parsing: Self.vectors), at: moment)
    #expect(text(try #require(answer)) == #"{"embedding":[3.0,-4e0]}"# + "\n")
    #expect(vectors.whole(try JSONNode(parsing: "{}"), at: moment) == nil)
  }
}

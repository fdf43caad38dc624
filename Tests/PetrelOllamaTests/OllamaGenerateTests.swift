// SPDX-License-Identifier: Apache-2.0

import PetrelOllama
import PetrelWire
import Testing

@Suite struct OllamaGenerateTests {
  @Test func `A prompt is one turn of a chat`() throws {
    let generate = try generate(#"{"model":"m","prompt":"hi","system":"be brief","images":["iVBOR"]}"#)
    #expect(generate.way == .chat)
    let messages = try #require(try body(generate.body)["messages"]?.elements)
    #expect(text(messages[0]) == #"{"role":"system","content":"be brief"}"#)
    #expect(messages[1]["content"]?.elements?.count == 2)
  }

  @Test func `A raw prompt goes to the engine as it is`() throws {
    let generate = try generate(
      #"{"model":"m","prompt":"<s>hi","raw":true,"format":"json","stream":false,"options":{"num_predict":3}}"#)
    #expect(generate.way == .raw)
    #expect(
      text(try #require(generate.body))
        == #"{"model":"m","prompt":"<s>hi","json_schema":{"type":"object"},"stream":false,"n_predict":3}"#)
  }

  @Test func `A suffix asks for what stands between`() throws {
    let generate = try generate(#"{"model":"m","prompt":"def f(","suffix":"return 1","stream":false}"#)
    #expect(generate.way == .infill)
    #expect(
      text(try #require(generate.body)) == #"{"input_prefix":"def f(","input_suffix":"return 1","stream":false}"#)
  }

  @Test(arguments: [
    #""prompt":7"#, #""prompt":"x","template":"{{ .Prompt }}""#, #""prompt":"x","raw":true,"images":["iVBOR"]"#,
    #""prompt":"x","context":"y""#, #""prompt":"x","context":[1,2,3]"#, #""prompt":"x","context":[5265516,-1]"#,
    #""prompt":"x","context":[5265516,7]"#, #""prompt":"x","context":[5265516,16777216]"#,
  ]) func `What can't be done is refused`(members: String) {
    #expect(throws: OllamaError.self) { try generate(#"{"model":"m",\#(members)}"#) }
  }

  @Test(arguments: [#"{"model":"m"}"#, #"{"model":"m","prompt":""}"#, #"{"model":"m","prompt":null,"raw":true}"#])
  func `Without a prompt there is nothing for the engine`(text: String) throws {
    #expect(try generate(text).body == nil)
  }

  @Test(arguments: ["", "a", "ab", "abc", "Größe ✓ 😀 \"quoted\" \n"])
  func `A context brings the conversation back`(answer: String) throws {
    let first = try generate(#"{"model":"m","prompt":"hi","system":"s","stream":false}"#)
    var translator = OllamaAnswer(first, at: moment)
    let whole = JSONNode.object([
      JSONMember(
        "choices",
        .array([.object([JSONMember("message", .object([JSONMember("content", .string(answer))]))])]))
    ])
    let context = try JSONNode(parsing: text(try translator.whole(whole, at: moment)))["context"]
    let second = try generate(#"{"model":"m","prompt":"more","context":\#(text(context))}"#)
    let messages = try #require(try body(second.body)["messages"]?.elements)
    #expect(messages.map { $0["role"]?.string } == ["system", "user", "assistant", "user"])
    #expect(messages.map { $0["content"]?.string } == ["s", "hi", answer, "more"])
    // Another system prompt takes the place of the first.
    let third = try generate(#"{"model":"m","prompt":"more","system":"t","context":\#(text(context))}"#)
    #expect(try body(third.body)["messages"]?.elements?.first?["content"]?.string == "t")
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOllama
import PetrelWire
import Testing

@Suite struct OllamaChatTests {
  @Test func `A chat becomes a chat completion`() throws {
    let chat = try chat(
      #"{"model":"m","messages":[{"role":"user","content":"hi ✓"}],"keep_alive":"5m","future":{"b":1,"a":2}}"#)
    #expect(
      text(try #require(chat.body))
        == #"{"model":"m","messages":[{"role":"user","content":"hi ✓"}],"stream":true,"#
        + #""stream_options":{"include_usage":true},"future":{"b":1,"a":2}}"#)
    #expect(chat.request.model == "m")
    #expect(chat.request.isStream)
    #expect(chat.request.keepAlive == .after(.seconds(300)))
  }

  @Test func `Without stream there are no options of one`() throws {
    let body = try body(try chat(#"{"model":"m","stream":false,"messages":[{"role":"user","content":"x"}]}"#).body)
    #expect(body["stream"]?.bool == false)
    #expect(body["stream_options"] == nil)
  }

  @Test(arguments: [#""name":"m""#, #""model":"","name":"m""#, #""model":"other","name":"m""#])
  func `An older client's name counts`(members: String) throws {
    #expect(try request("{\(members)}").model == "m")
  }

  @Test func `Options are put into the engine's words, and others passed on`() throws {
    let chat = try chat(
      #"{"model":"m","messages":[{"role":"user","content":"x"}],"options":{"num_ctx":"2048","num_predict":7,"#
        + #""temperature":0.5,"top_k":3,"stop":"end","seed":1.0,"num_gpu":99,"xtc_probability":0.1,"min_p":null}}"#)
    #expect(chat.request.options.contextSize == 2048)
    let body = try body(chat.body)
    #expect(text(body["n_predict"]) == "7")
    #expect(text(body["temperature"]) == "0.5")
    #expect(text(body["top_k"]) == "3")
    #expect(text(body["stop"]) == #"["end"]"#)
    #expect(text(body["seed"]) == "1")
    #expect(text(body["xtc_probability"]) == "0.1")
    for name in ["num_ctx", "num_predict", "num_gpu", "min_p", "options"] { #expect(body[name] == nil) }
  }

  @Test(arguments: [
    #""options":{"temperature":"hot"}"#, #""options":{"top_k":1.5}"#, #""options":{"stop":[1]}"#,
    #""options":{"num_ctx":0}"#, #""options":{"num_ctx":"many"}"#, #""options":[]"#, #""keep_alive":"soon""#,
    #""keep_alive":[]"#, #""think":7"#, #""think":"sometimes""#, #""format":"xml""#, #""format":7"#, #""stream":1"#,
    #""tools":{}"#, #""top_logprobs":21,"logprobs":true"#,
  ]) func `What can't be meant is refused`(members: String) {
    #expect(throws: OllamaError.self) {
      try chat(#"{"model":"m","messages":[{"role":"user","content":"x"}],\#(members)}"#)
    }
  }

  @Test(arguments: [
    #"{}"#, #"{"role":7}"#, #"{"content":"x"}"#, #"{"role":"user","content":7}"#, #"7"#,
    #"{"role":"user","images":"x"}"#, #"{"role":"user","images":[7]}"#, #"{"role":"user","images":[""]}"#,
    #"{"role":"user","images":["http://example.com/x.png"]}"#, #"{"role":"assistant","tool_calls":[{}]}"#,
  ]) func `Messages that are none are refused`(message: String) {
    #expect(throws: OllamaError.self) { try chat(#"{"model":"m","messages":[\#(message)]}"#) }
  }

  @Test(arguments: [
    ("true", #"{"enable_thinking":true}"#), ("false", #"{"enable_thinking":false}"#),
    (#""low""#, #"{"enable_thinking":true,"reasoning_effort":"low"}"#), ("null", "none"),
  ]) func `Thinking is the template's affair`(think: String, arguments: String) throws {
    let chat = try chat(#"{"model":"m","messages":[{"role":"user","content":"x"}],"think":\#(think)}"#)
    #expect(text(try body(chat.body)["chat_template_kwargs"]) == arguments)
  }

  @Test func `Template arguments of the client are kept`() throws {
    let chat = try chat(
      #"{"model":"m","messages":[{"role":"user","content":"x"}],"think":true,"#
        + #""chat_template_kwargs":{"date":"today","enable_thinking":false}}"#)
    #expect(text(try body(chat.body)["chat_template_kwargs"]) == #"{"date":"today","enable_thinking":true}"#)
  }

  @Test func `Formats become response formats, schemas with their order`() throws {
    func format(_ value: String) throws -> String {
      text(
        try body(try chat(#"{"model":"m","messages":[{"role":"user","content":"x"}],"format":\#(value)}"#).body)[
          "response_format"])
    }
    #expect(try format(#""""#) == "none")
    #expect(try format(#""json""#) == #"{"type":"json_object"}"#)
    let schema = #"{"type":"object","properties":{"z":{},"a":{}}}"#
    #expect(
      try format(schema)
        == #"{"type":"json_schema","json_schema":{"name":"format","strict":true,"schema":\#(schema)}}"#)
  }

  @Test func `Images become parts of the message, typed by their first bytes`() throws {
    let chat = try chat(
      #"{"model":"m","messages":[{"role":"user","content":"see","images":[" iVBORw0 ","/9j/x","data:image/x;base64,y"]}]}"#
    )
    func image(_ url: String) -> String { #"{"type":"image_url","image_url":{"url":"\#(url)"}}"# }
    #expect(
      text(try body(chat.body)["messages"]?.elements?[0]["content"])
        == #"[{"type":"text","text":"see"},"# + image("data:image/png;base64,iVBORw0") + ","
        + image("data:image/jpeg;base64,/9j/x") + "," + image("data:image/x;base64,y") + "]")
  }

  @Test func `Calls and their results get ids that match`() throws {
    let chat = try chat(
      #"""
      {"model":"m","messages":[
        {"role":"assistant","thinking":"hm","tool_calls":[
          {"function":{"name":"a","arguments":{"z":1,"b":[true]}}},{"function":{"name":"b","arguments":{}}},
          {"id":"own","function":{"name":"c"}}]},
        {"role":"tool","tool_name":"b","content":"2"},
        {"role":"tool","content":"1"},
        {"role":"tool","tool_call_id":"own","content":"3"}]}
      """#)
    let messages = try #require(try body(chat.body)["messages"]?.elements)
    #expect(messages[0]["reasoning_content"]?.string == "hm")
    let calls = try #require(messages[0]["tool_calls"]?.elements)
    #expect(calls.map { $0["id"]?.string } == ["call_1", "call_2", "own"])
    #expect(calls.map { $0["type"]?.string } == ["function", "function", "function"])
    #expect(calls[0]["function"]?["arguments"]?.string == #"{"z":1,"b":[true]}"#)
    #expect(messages.dropFirst().map { $0["tool_call_id"]?.string } == ["call_2", "call_1", "own"])
    #expect(messages.dropFirst().map { $0["name"]?.string } == ["b", "a", "c"])
  }

  @Test(arguments: [#"{"model":"m"}"#, #"{"model":"m","messages":[]}"#, #"{"model":"m","messages":null}"#])
  func `Without messages there is nothing for the engine`(text: String) throws {
    #expect(try chat(text).body == nil)
  }

  @Test func `A keep-alive of zero unloads`() throws {
    #expect(try request(#"{"model":"m","keep_alive":0}"#).unloads)
    #expect(try request(#"{"model":"m","keep_alive":"0s"}"#).unloads)
    #expect(try request(#"{"model":"m","options":{"keep_alive":"0"}}"#).unloads)
    #expect(try !request(#"{"model":"m","keep_alive":-1}"#).unloads)
    #expect(try request(#"{"model":"m","keep_alive":-1}"#).keepAlive == .forever)
    #expect(try !request(#"{"model":"m"}"#).unloads)
  }

  @Test func `Token probabilities are asked for`() throws {
    let chat = try chat(
      #"{"model":"m","messages":[{"role":"user","content":"x"}],"logprobs":true,"top_logprobs":3}"#)
    let body = try body(chat.body)
    #expect(body["logprobs"]?.bool == true)
    #expect(body["top_logprobs"]?.integer == 3)
  }
}

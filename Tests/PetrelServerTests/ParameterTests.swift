// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import Testing

@testable import PetrelServer

struct ParameterTests {
  private static let tool = #"{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}"#

  private static func refused(_ members: String, _ rules: ParameterRules = .chat) -> OpenAIError? {
    do throws(OpenAIError) {
      _ = try RequestAddress(reading: ByteBuffer(string: #"{"model":"m",\#(members)}"#), rules: rules)
      return nil
    } catch {
      return error
    }
  }

  private static let wrong: [(String, String)] = [
    (#""temperature":"hot""#, "temperature"), (#""temperature":-0.1"#, "temperature"),
    (#""temperature":2.1"#, "temperature"), (#""temperature":true"#, "temperature"), (#""top_p":1.5"#, "top_p"),
    (#""top_p":-1"#, "top_p"), (#""min_p":2"#, "min_p"), (#""presence_penalty":3"#, "presence_penalty"),
    (#""frequency_penalty":-2.5"#, "frequency_penalty"), (#""max_tokens":1.5"#, "max_tokens"),
    (#""max_tokens":-2"#, "max_tokens"), (#""max_tokens":1e30"#, "max_tokens"),
    (#""max_completion_tokens":"5""#, "max_completion_tokens"), (#""n":0"#, "n"), (#""n":1.5"#, "n"),
    (#""seed":1.5"#, "seed"), (#""seed":1180591620717411303424"#, "seed"), (#""stop":5"#, "stop"),
    (#""stop":["a",5]"#, "stop"), (#""stop":{}"#, "stop"), (#""stream":"yes""#, "stream"), (#""stream":1"#, "stream"),
    (#""stream_options":"x""#, "stream_options"),
    (#""stream_options":{"include_usage":"x"}"#, "stream_options.include_usage"), (#""logprobs":5"#, "logprobs"),
    (#""logprobs":true,"top_logprobs":21"#, "top_logprobs"), (#""logprobs":true,"top_logprobs":-1"#, "top_logprobs"),
    (#""top_logprobs":2"#, "top_logprobs"), (#""logprobs":false,"top_logprobs":2"#, "top_logprobs"),
    (#""response_format":"json""#, "response_format"), (#""response_format":{}"#, "response_format.type"),
    (#""response_format":{"type":"yaml"}"#, "response_format.type"),
    (#""response_format":{"type":"json_schema"}"#, "response_format.json_schema.schema"),
    (#""response_format":{"type":"json_schema","json_schema":{"schema":"x"}}"#, "response_format.json_schema.schema"),
    (#""tools":"x""#, "tools"), (#""tools":[1]"#, "tools[0].type"),
    (#""tools":[\#(tool),{"type":"web_search"}]"#, "tools[1].type"),
    (#""tools":[{"type":"function"}]"#, "tools[0].function"),
    (#""tools":[{"type":"function","function":{}}]"#, "tools[0].function.name"),
    (#""tools":[{"type":"function","function":{"name":"f","parameters":"x"}}]"#, "tools[0].function.parameters"),
    (#""tool_choice":"sometimes""#, "tool_choice"), (#""tool_choice":5"#, "tool_choice"),
    (#""tool_choice":{"type":"function"}"#, "tool_choice"),
    (#""tools":[\#(tool)],"tool_choice":{"type":"function","function":{"name":"g"}}"#, "tool_choice"),
    (#""parallel_tool_calls":"x""#, "parallel_tool_calls"), (#""reasoning_effort":"huge""#, "reasoning_effort"),
    (#""reasoning_effort":5"#, "reasoning_effort"), (#""logit_bias":"x""#, "logit_bias"),
    (#""messages":[]"#, "messages"),
    (#""messages":"hi""#, "messages"),
  ]

  @Test(arguments: wrong)
  func wrongValuesAreNamed(_ members: String, _ parameter: String) throws {
    let error = try #require(Self.refused(members))
    #expect(error.status == .badRequest)
    #expect(error.param == parameter)
    #expect(error.code == "invalid_value")
    #expect(error.message.hasPrefix(parameter))
  }

  private static let right: [String] = [
    #""temperature":0,"top_p":1,"presence_penalty":-2,"frequency_penalty":2.0"#,
    #""temperature":null,"stop":null,"tools":null,"response_format":null,"max_tokens":null,"top_logprobs":null"#,
    #""max_tokens":-1,"n":2,"seed":-1,"stop":"a""#, #""max_tokens":5.0,"stop":["a","b"],"stop":[]"#,
    #""stream":true,"stream_options":{"include_usage":true}"#, #""logprobs":true,"top_logprobs":20"#,
    #""response_format":{"type":"json_object"}"#, #""response_format":{"type":"text"}"#,
    #""response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{"type":"object"}}}"#,
    #""tools":[],"tool_choice":"none""#, #""tools":[\#(tool)],"tool_choice":"required","parallel_tool_calls":true"#,
    #""tools":[\#(tool)],"tool_choice":{"type":"function","function":{"name":"f"}}"#,
    #""reasoning_effort":"minimal","logit_bias":{"5":-100}"#, #""messages":[{"role":"user","content":"hi"}]"#,
    #""unheard_of":{"a":[1,2,{"temperature":"hot"}]},"user":"me""#,
  ]

  @Test(arguments: right)
  func rightValuesPass(_ members: String) {
    #expect(Self.refused(members) == nil)
  }

  @Test func eachEndpointHasItsOwn() {
    #expect(Self.refused(#""logprobs":3"#, .completion) == nil)
    #expect(Self.refused(#""logprobs":true"#, .completion)?.param == "logprobs")
    for harmless in [#""best_of":1"#, #""echo":false"#, #""suffix":"""#, #""suffix":null"#] {
      #expect(Self.refused(harmless, .completion) == nil)
    }
    #expect(Self.refused(#""best_of":2"#, .completion)?.message == "best_of must be 1: only n answers are made")
    #expect(Self.refused(#""echo":true"#, .completion)?.param == "echo")
    #expect(Self.refused(#""suffix":"x""#, .completion)?.param == "suffix")
    #expect(Self.refused(#""encoding_format":"hex""#, .embedding)?.param == "encoding_format")
    #expect(Self.refused(#""tokens":[1,-5]"#, .tokens)?.param == "tokens")
    #expect(Self.refused(#""tokens":[1,5]"#, .tokens) == nil)
    #expect(Self.refused(#""content":5"#, .text)?.param == "content")
    #expect(Self.refused(#""query":"","documents":[""]"#, .reranking)?.param == "query")
    #expect(Self.refused(#""query":"whales","documents":[""]"#, .reranking) == nil)
    #expect(Self.refused(#""temperature":"hot""#, .none) == nil)
  }

  @Test func theMessageSaysWhatWasSent() {
    #expect(Self.refused(#""temperature":3"#)?.message == "temperature must be a number from 0 to 2, but is 3")
    #expect(
      Self.refused(#""response_format":{"type":"yaml"}"#)?.message
        == "response_format.type must be one of text, json_object, json_schema")
  }

  private static let choices: [(String, String)] = [
    (
      #"{"tools":[T,{"type":"function","function":{"name":"g"}}],"a":1,"tool_choice":C}"#,
      #"{"tools":[T],"a":1,"tool_choice":"required"}"#
    ),
    (#"{"tool_choice" : C , "tools":[ T ] }"#, #"{"tool_choice" : "required" , "tools":[T] }"#),
    (#"{"tool_choice":C,"tools":[{"type":"function","function":{"name":"g"}}]}"#, ""),
    (#"{"tool_choice":"auto","tools":[T]}"#, ""), (#"{"tools":[T]}"#, ""), (#"{"messages":["tool_choice"]}"#, ""),
  ]

  @Test(arguments: choices)
  func aChosenFunctionIsTheOnlyOne(_ body: String, _ expected: String) {
    func filled(_ text: String) -> String {
      text.replacing("T", with: Self.tool).replacing("C", with: #"{"type":"function","function":{"name":"f"}}"#)
    }
    let narrowed = ChosenFunction.narrowed(ByteBuffer(string: filled(body))).map { String(buffer: $0) }
    #expect(narrowed == (expected.isEmpty ? nil : filled(expected)))
  }
}

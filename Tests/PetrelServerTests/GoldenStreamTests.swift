// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOConcurrencyHelpers
import NIOCore
import PetrelOllama
import PetrelTestSupport
import PetrelWire
import Testing

@testable import PetrelServer

/// A stream of an engine with thoughts, words and two calls of tools, in the words of each dialect: `Golden` has what the
/// client must get, and it must be the same wherever the engine's stream is cut.
@Suite struct GoldenStreamTests {
  /// As llama-server writes it.
  private static let engine: String = {
    func chunk(_ choice: String, _ more: String = "") -> String {
      #"data: {"choices":[\#(choice)],"created":1763719200,"id":"chatcmpl-1","model":"ai/fake","object":"chat.completion.chunk"\#(more)}"#
        + "\n\n"
    }
    func delta(_ delta: String) -> String { chunk(#"{"finish_reason":null,"index":0,"delta":\#(delta)}"#) }
    func call(_ index: Int, _ members: String) -> String { delta(#"{"tool_calls":[{"index":\#(index),\#(members)}]}"#) }
    return delta(#"{"role":"assistant","content":null}"#) + ":\n\n"
      + ["Größe", " \u{1F433}?", " \\\"x\\\"\\n"].map { delta(#"{"reasoning_content":"\#($0)"}"#) }.joined()
      + ["Ça va", ", \u{1F600} ", "\\u00fcber"].map { delta(#"{"content":"\#($0)"}"#) }.joined()
      + call(0, #""id":"call_a","type":"function","function":{"name":"get_weather","arguments":""}"#)
      + [#"{\"city\":"#, #"\"Zü"#, #"rich\"}"#].map { call(0, #""function":{"arguments":"\#($0)"}"#) }.joined()
      + call(1, #""id":"call_b","type":"function","function":{"name":"get_time","arguments":"{}"}"#)
      + chunk(#"{"finish_reason":"tool_calls","index":0,"delta":{}}"#)
      + chunk(
        "",
        #","usage":{"completion_tokens":17,"prompt_tokens":40,"total_tokens":57,"prompt_tokens_details":{"cached_tokens":33}}"#
      ) + "data: [DONE]\n\n"
  }()

  private static let tools =
    #""tools":[{"name":"get_weather","input_schema":{}},{"name":"get_time","input_schema":{}}]"#

  private static func golden(_ name: String) throws -> String {
    let url = try #require(Bundle.module.url(forResource: name, withExtension: "txt", subdirectory: "Golden"))
    return try String(contentsOf: url, encoding: .utf8)
  }

  /// Without what is another each time: ids and times.
  private static func settled(_ text: String) -> String {
    text.replacing(/(resp|rs|msg|fc)_[A-Za-z0-9]{20,}/) { "\($0.1)_X" }
      .replacing(
        /"(created_at|completed_at|total_duration|load_duration|prompt_eval_duration|eval_duration)":("[^"]*"|\d+)/
      ) {
        "\"\($0.1)\":0"
      }
  }

  /// The body of an answer in chunks.
  private static func body(of bytes: [UInt8]) throws -> String {
    let mark = Array("\r\n\r\n".utf8)
    var index = try #require((0..<bytes.count).first { bytes[$0...].starts(with: mark) }) + 4
    var body: [UInt8] = []
    while let end = bytes[index...].firstIndex(of: 0x0D) {
      let size = try #require(Int(String(decoding: bytes[index..<end], as: UTF8.self), radix: 16))
      if size == 0 { break }
      body += bytes[(end + 2)..<(end + 2 + size)]
      index = end + 2 + size + 2
    }
    return String(decoding: body, as: UTF8.self)
  }

  /// Serves the engine's stream in two chunks, or each byte in a chunk of its own when `cut` is nil.
  private static func pieces(cut: Int?) -> ByteBuffer {
    let bytes = Array(engine.utf8)
    let parts = cut.map { [bytes[..<$0], bytes[$0...]] } ?? bytes.indices.map { bytes[$0...$0] }
    var buffer = ByteBuffer(
      string: "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for part in parts where !part.isEmpty {
      buffer.writeString("\(String(part.count, radix: 16))\r\n")
      buffer.writeBytes(part)
      buffer.writeString("\r\n")
    }
    buffer.writeString("0\r\n\r\n")
    return buffer
  }

  @Test(arguments: [
    (
      "openai", "/v1/chat/completions",
      #""messages":[{"role":"user","content":"x"}],"stream_options":{"include_usage":true}"#
    ),
    ("anthropic", "/v1/messages", #""max_tokens":99,"messages":[{"role":"user","content":"x"}],\#(tools)"#),
    (
      "responses", "/v1/responses",
      #""input":"x","tools":[{"type":"function","name":"get_weather"},{"type":"function","name":"get_time"}]"#
    ),
  ]) func `A stream is the same wherever the engine's is cut`(name: String, path: String, members: String) async throws
  {
    let golden = try Self.golden(name)
    let cut = NIOLockedValueBox<Int?>(nil)
    try await withLane({ _, channel in
      channel.writeAndFlush(Self.pieces(cut: cut.withLockedValue { $0 }), promise: nil)
    }) { lane in
      let request = #"{"model":"\#(LaneFixture.model)","stream":true,\#(members)}"#
      let client = try await RawClient.connect(port: lane.port)
      for position in [nil] + (0...Self.engine.utf8.count).map(Optional.init) {
        cut.withLockedValue { $0 = position }
        try await client.send(LaneFixture.request(request, path))
        let body = Self.settled(try Self.body(of: try await client.receiveBytes(through: "\r\n0\r\n\r\n")))
        guard body == golden else {
          Issue.record("cut at \(position ?? -1):\n\(body)")
          break
        }
      }
    }
  }

  @Test func `The same for Ollama's lines`() throws {
    let golden = try Self.golden("ollama")
    let document = Array(#"{"model":"ai/fake","messages":[{"role":"user","content":"x"}]}"#.utf8)
    let request = try OllamaRequest(document.withUnsafeBytes { try OllamaRequest.document($0) })
    let chat = try OllamaChat(request)
    let bytes = Array(Self.engine.utf8)
    for cut in 0...bytes.count {
      var translator = OllamaTranslator(OllamaAnswer(chat, at: .now), request, hasPrompt: true)
      translator.leased()
      var decoder = SSEDecoder()
      var output: [UInt8] = []
      for part in [bytes[..<cut], bytes[cut...]] {
        for event in try decoder.decode(part) where event.data != "[DONE]" {
          try translator.translate(event, into: &output)
        }
      }
      try translator.finish(into: &output)
      let text = Self.settled(String(decoding: output, as: UTF8.self))
      guard text == golden else {
        Issue.record("cut at \(cut):\n\(text)")
        break
      }
    }
  }

  @Test func `What is relayed is what the engine wrote`() throws {
    #expect(try Self.golden("openai") == Self.engine)
  }
}

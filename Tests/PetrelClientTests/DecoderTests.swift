// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelClient
import PetrelWire
import Testing

struct ProgressLineDecoderTests {
  private static let progress =
    #"{"type":"progress","message":"Downloaded: 1 MB","total":3,"#
    + #""layer":{"id":"sha256:ab","size":3,"current":1},"mode":"pull"}"#
  private static let escaped =
    "{&#34;type&#34;:&#34;success&#34;,&#34;message&#34;:&#34;it&#39;s &amp;lt; &lt;done&gt;&#34;,&#34;total&#34;:0,"
    + "&#34;layer&#34;:{&#34;size&#34;:0,&#34;current&#34;:0},&#34;mode&#34;:&#34;pull&#34;}"
  private static let stream = Array("\(progress)\n\nnot JSON\r\n\(escaped)\n".utf8)
  private static let lines = [
    ProgressLine(
      type: .progress, message: "Downloaded: 1 MB", total: 3, layer: .init(id: "sha256:ab", size: 3, current: 1),
      mode: .pull),
    ProgressLine(type: .success, message: "it's &lt; <done>", mode: .pull),
  ]

  @Test(arguments: 0...stream.count)
  func decodesLinesSplitAt(index: Int) throws {
    var decoder = ProgressLineDecoder()
    let lines = try decoder.decode(Self.stream[..<index]) + decoder.decode(Self.stream[index...])
    #expect(lines == Self.lines)
    #expect(decoder.strayText.hasPrefix("not JSON"))
  }

  @Test func decodesALastLineWithoutNewline() throws {
    var decoder = ProgressLineDecoder()
    #expect(try decoder.decode(Array(Self.progress.utf8)).isEmpty)
    #expect(decoder.finish() == Self.lines[0])
    #expect(decoder.finish() == nil)
  }

  @Test func boundsWhatItKeeps() throws {
    var decoder = ProgressLineDecoder()
    for _ in 0..<10 { _ = try decoder.decode(Array((String(repeating: "x", count: 1000) + "\n").utf8)) }
    #expect(decoder.strayText.utf8.count == 4096)
    #expect(throws: ClientError.self) { try decoder.decode([UInt8](repeating: 0x78, count: 2 << 20)) }
  }
}

struct ChatEventDecoderTests {
  @Test func readsAStream() throws {
    var decoder = ChatEventDecoder()
    func decode(_ json: String) throws -> [ChatEvent] { try decoder.decode(SSEEvent(data: json)) }
    #expect(try decode(#"{"choices":[{"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#) == [])
    #expect(try decode(#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#) == [.reasoning("hm")])
    #expect(try decode(#"{"choices":[{"delta":{"content":"Hi"}}]}"#) == [.content("Hi")])
    #expect(!decoder.isComplete)
    let usage = ChatUsage(promptTokens: 1, completionTokens: 2, totalTokens: 3)
    #expect(
      try decode(#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#)
        == [.usage(usage)])
    #expect(try decode("[DONE]") == [])
    #expect(decoder.isComplete)
  }

  @Test func readsAWholeCompletion() throws {
    var decoder = ChatEventDecoder()
    let events = try decoder.decode(
      completion: #"{"choices":[{"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#)
    #expect(events == [.content("Hi")])
    #expect(decoder.isComplete)
  }

  @Test(arguments: [
    (#"{"error":{"code":500,"message":"out of memory"}}"#, "out of memory"),
    (#"{"error":"boom"}"#, "boom"),
    (#"{"error":{}}"#, #"{"error":{}}"#),
  ])
  func reportsErrors(json: String, message: String) {
    var decoder = ChatEventDecoder()
    let error = #expect(throws: ClientError.self) { try decoder.decode(SSEEvent(data: json)) }
    #expect(error?.code == .stream)
    #expect(error?.message == message)
  }

  @Test func refusesWhatIsNoJSON() {
    var decoder = ChatEventDecoder()
    let error = #expect(throws: ClientError.self) { try decoder.decode(SSEEvent(data: "<html>")) }
    #expect(error?.code == .unexpectedAnswer)
  }
}

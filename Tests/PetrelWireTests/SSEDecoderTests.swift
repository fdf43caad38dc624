// SPDX-License-Identifier: Apache-2.0

import PetrelWire
import Testing

struct SSEDecoderTests {
  private static let stream = Array(
    """
    \u{FEFF}: comment\r
    data: {"a":"ü"}\r
    \r
    event: error\ndata:one\ndata: two\nid: 7\n\n\rretry: 5\rdata: [DONE]\r\rInstalling...\n\n
    """.utf8)

  private static let events = [
    SSEEvent(data: "{\"a\":\"ü\"}"),
    SSEEvent(name: "error", data: "one\ntwo"),
    SSEEvent(data: "[DONE]"),
  ]

  @Test func decodesTheWholeStreamAtOnce() throws {
    var decoder = SSEDecoder()
    #expect(try decoder.decode(Self.stream) == Self.events)
    #expect(try decoder.finish() == nil)
  }

  @Test(arguments: 0...stream.count)
  func decodesTheStreamSplitAt(index: Int) throws {
    var decoder = SSEDecoder()
    let decoded = try decoder.decode(Self.stream[..<index]) + decoder.decode(Self.stream[index...])
    #expect(decoded == Self.events)
  }

  @Test func decodesByteByByte() throws {
    var decoder = SSEDecoder()
    var decoded: [SSEEvent] = []
    for byte in Self.stream { decoded += try decoder.decode(CollectionOfOne(byte)) }
    #expect(decoded == Self.events)
  }

  @Test func givesBackAnEventWithoutItsBlankLine() throws {
    var decoder = SSEDecoder()
    #expect(try decoder.decode(Array("data: x\ndata: y".utf8)).isEmpty)
    #expect(try decoder.finish() == SSEEvent(data: "x\ny"))
    #expect(try decoder.finish() == nil)
  }

  @Test func refusesALineOverTheLimit() {
    var decoder = SSEDecoder(maximumBytes: 8)
    #expect(throws: SSELimitError.self) { try decoder.decode(Array("data: 123".utf8)) }
  }

  @Test func refusesAnEventOverTheLimit() {
    var decoder = SSEDecoder(maximumBytes: 10)
    #expect(throws: SSELimitError.self) {
      try decoder.decode(Array("data: 1234\ndata: 5678\ndata: 9\n\n".utf8))
    }
  }

  @Test func anEventNameAloneIsNoEvent() throws {
    var decoder = SSEDecoder()
    #expect(try decoder.decode(Array("event: ping\n\ndata:\n\n".utf8)) == [SSEEvent(data: "")])
  }
}

// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PetrelWire

@Suite struct JSONEnvelopeTests {
  private func scan(_ bytes: [UInt8], _ names: [StaticString] = ["model", "stream"]) throws -> JSONEnvelope {
    try bytes.withUnsafeBytes { try JSONEnvelope(scanning: $0, for: names) }
  }

  private func model(_ text: String) throws -> String? {
    let bytes = Array(text.utf8)
    return try bytes.withUnsafeBytes { try JSONEnvelope(scanning: $0, for: ["model"]).string("model", in: $0) }
  }

  @Test(arguments: [
    (#"{"model":"a"}"#, "a"),
    (#"{"x":[1,{"model":"inner"}],"model":"a","y":{}}"#, "a"),
    (#" { "x" : {"model":"inner"} , "model" : "a" } "#, "a"),
    (#"{"model":"a","model":"b"}"#, "b"),
    (#"{"model":"b","x":{"model":"inner"}}"#, "b"),
    (#"{"models":"no","mode":"no","model":"a","Model":"no"}"#, "a"),
    (#"{"model":"a","mod\u0065l":"b","mo\u0064":"no"}"#, "b"),
    (#"{"model":""}"#, ""),
    (#"{"model":"ai\/x:\u0061\"\\\b\f\n\r\t"}"#, "ai/x:a\"\\\u{8}\u{C}\n\r\t"),
    (#"{"model":"\ud83d\uDE00!"}"#, "😀!"),
    (#"{"model":"\ud83d"}"#, "\u{FFFD}"),
    (#"{"model":"\ude00\ud83dx"}"#, "\u{FFFD}\u{FFFD}x"),
    (#"{"model":"\ud83d\ud83d\ude00\n"}"#, "\u{FFFD}😀\n"),
    (#"{"model":"é✓😀"}"#, "é✓😀"),
  ]) func `A string member is found and unescaped`(text: String, expected: String) throws {
    #expect(try model(text) == expected)
  }

  @Test func `Members that are absent or of another kind have no text`() throws {
    for text in ["{}", #"{"x":1}"#, #"{"model":1}"#, #"{"model":null}"#, #"{"model":["a"]}"#, #"{"x":{"model":"a"}}"#] {
      #expect(try model(text) == nil)
    }
  }

  @Test func `The range of a value is its bytes in the document`() throws {
    let text = #"{"a":"x","b": -1.5e+3 ,"c":[1,[2]],"d":{"e":{}},"f":true,"g":false,"h":null}"#
    let names: [StaticString] = ["a", "b", "c", "d", "f", "g", "h"]
    let bytes = Array(text.utf8)
    let envelope = try scan(bytes, names)
    let found = names.map { name in envelope[name].map { String(decoding: bytes[$0.range], as: UTF8.self) } }
    #expect(found == [#""x""#, "-1.5e+3", "[1,[2]]", #"{"e":{}}"#, "true", "false", "null"])
    #expect(names.map { envelope[$0]?.kind } == [.string, .number, .array, .object, .bool(true), .bool(false), .null])
    #expect(envelope.bool("f") == true)
    #expect(envelope.bool("g") == false)
    #expect(envelope.bool("a") == nil)
    #expect(envelope["e"] == nil)
  }

  private static let sample = #"""
    {"model":"ai\/x\u00e9","n":[0,-1.5e+10,true,false,null,{"k":""}],"messages":[{"role":"user","content":"é✓😀"}]}
    """#

  @Test func `A document that is cut at any byte is refused`() throws {
    let bytes = Array(Self.sample.utf8)
    _ = try scan(bytes)
    for length in 0..<bytes.count {
      #expect(throws: JSONSyntaxError.self, "cut at \(length)") { try scan(Array(bytes[..<length])) }
    }
  }

  @Test func `No single changed byte makes the scanner read past the end`() throws {
    let bytes = Array(Self.sample.utf8)
    for index in bytes.indices {
      for byte: UInt8 in [0x00, 0x22, 0x5C, 0x5B, 0x7B, 0x7D, 0x80, 0xC3, 0xE2, 0xF0, 0xFF] {
        var changed = bytes
        changed[index] = byte
        if let envelope = try? scan(changed), let value = envelope["model"] {
          #expect(value.range.upperBound <= bytes.count)
        }
      }
    }
  }

  @Test(arguments: [
    "", " ", "null", "[]", #""text""#, "1", "{", "}", "{}{}", "{} x", "{}\u{0}", "\u{FEFF}{}", "{,}", #"{"a"}"#,
    #"{"a":}"#,
    #"{"a":1,}"#, #"{"a" 1}"#, #"{"a":1 "b":2}"#, #"{a:1}"#, #"{'a':1}"#, #"{"a":[1,]}"#, #"{"a":[,1]}"#,
    #"{"a":[1 2]}"#,
    #"{"a":[1}"#, #"{"a":{]}"#, #"{"a":01}"#, #"{"a":-}"#, #"{"a":1.}"#, #"{"a":.5}"#, #"{"a":+1}"#, #"{"a":1e}"#,
    #"{"a":1e+}"#, #"{"a":0x1}"#, #"{"a":NaN}"#, #"{"a":Infinity}"#, #"{"a":tru}"#, #"{"a":True}"#, #"{"a":nul}"#,
    #"{"a":truex}"#, "{\"a\":\"\n\"}", "{\"a\":\"\u{1}\"}", #"{"a":"\x"}"#, #"{"a":"\u12g4"}"#, #"{"a":"\u123"}"#,
    #"{"a":"x}"#,
    "{\"a\u{0}\":1}", #"{1:2}"#, "// c\n{}",
  ]) func `Text that is no JSON object is refused`(text: String) {
    #expect(throws: JSONSyntaxError.self) { try scan(Array(text.utf8)) }
  }

  @Test(
    arguments: [
      [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE2, 0x82],
      [0xE2, 0x28, 0xA1],
      [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80],
      [0xF5, 0x80, 0x80, 0x80],
      [0xFF], [0xFE],
    ] as [[UInt8]]) func `Text that is no UTF-8 is refused`(bytes: [UInt8])
  {
    #expect(throws: JSONSyntaxError.self) { try scan(Array(#"{"a":""#.utf8) + bytes + Array(#""}"#.utf8)) }
    #expect(throws: JSONSyntaxError.self) { try scan(Array(#"{""#.utf8) + bytes + Array(#"":1}"#.utf8)) }
  }

  @Test func `The error says where`() throws {
    let error = #expect(throws: JSONSyntaxError.self) { try scan(Array(#"{"a":01}"#.utf8)) }
    #expect(error?.offset == 6)
    #expect(error?.description == "want ',' or '}' at byte 6")
    let end = #expect(throws: JSONSyntaxError.self) { try scan(Array(#"{"a":"#.utf8)) }
    #expect(end?.description == "unexpected end of JSON at byte 5")
  }

  @Test(arguments: ["[", #"{"a":"#]) func `Deep nesting ends in an error and not in a full stack`(opening: String)
    throws
  {
    func nested(_ depth: Int) -> [UInt8] {
      let closing = opening == "[" ? "]" : "}"
      return Array(
        (#"{"a":"# + String(repeating: opening, count: depth) + "1" + String(repeating: closing, count: depth) + "}")
          .utf8)
    }
    _ = try scan(nested(JSONEnvelope.maximumDepth - 1))
    #expect(throws: JSONSyntaxError.self) { try scan(nested(JSONEnvelope.maximumDepth)) }
    #expect(throws: JSONSyntaxError.self) { try scan(nested(1_000_000)) }
  }

  @Test func `A long string is no trouble`() throws {
    var bytes = Array(#"{"content":""#.utf8)
    bytes += [UInt8](repeating: UInt8(ascii: "x"), count: 10 * 1024 * 1024)
    bytes += Array(#"","model":"a"}"#.utf8)
    let found = try bytes.withUnsafeBytes { try JSONEnvelope(scanning: $0, for: ["model"]).string("model", in: $0) }
    #expect(found == "a")
  }

  @Test func `What ends or spoils a string is seen at every offset`() throws {
    for before in 0..<20 {
      for after in 0..<20 {
        let (front, back) = (String(repeating: "x", count: before), String(repeating: "!", count: after))
        for (special, expected) in [
          ("\\\"", "\""), ("\\\\", "\\"), ("\u{E9}", "\u{E9}"), ("\u{1F600}", "\u{1F600}"), ("", ""),
        ] {
          let bytes = Array("{\"model\":\"\(front)\(special)\(back)\"}".utf8)
          let found = try bytes.withUnsafeBytes {
            try JSONEnvelope(scanning: $0, for: ["model"]).string("model", in: $0)
          }
          #expect(found == front + expected + back)
        }
        for spoiled: [UInt8] in [[0x00], [0x1F], [0x80], [0xFF], [0xC3]] {
          let bytes = Array("{\"a\":\"\(front)".utf8) + spoiled + Array("\(back)\"}".utf8)
          let error = #expect(throws: JSONSyntaxError.self) { try scan(bytes) }
          #expect(error?.offset == 6 + before)
        }
      }
    }
  }
}

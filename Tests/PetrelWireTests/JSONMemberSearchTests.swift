// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PetrelWire

struct JSONMemberSearchTests {
  private static func values(_ name: String, _ json: String) -> [String] {
    var json = json
    return json.withUTF8 { text in
      let bytes = UnsafeRawBufferPointer(text)
      return JSONMemberSearch.values(of: name, in: bytes).compactMap { offset in
        JSONEnvelope.value(at: offset, of: bytes).map { String(decoding: bytes[$0.range], as: UTF8.self) }
      }
    }
  }

  @Test func membersAreFoundAtAnyDepth() {
    let json = #"{"a":1,"b":[{"a" : [2]},{"c":{"a":"x"}}],"aa":3,"d":"a"}"#
    #expect(Self.values("a", json) == ["1", "[2]", #""x""#])
  }

  @Test func whatStandsInStringsIsNoMember() {
    #expect(Self.values("a", #"{"t":"\"a\":1","u":"\\","a":2,"v":"x\\\"a\":3"}"#) == ["2"])
    #expect(Self.values("a", #"["a","a"]"#).isEmpty)
  }

  @Test func namesMayHaveEscapes() {
    #expect(Self.values("ab", #"{"\u0061b":1,"a\u0062":2,"\u0061\u0062":3,"\u0061c":4}"#) == ["1", "2", "3"])
  }

  @Test(arguments: ["", "\"", "\"a", "\"a\"", "\"a\":", "{\"a\":}", "\\", "\"\\"])
  func otherBytesComeToAnEnd(_ text: String) {
    #expect(Self.values("a", text).isEmpty)
  }

  @Test func textsAreFoundWhereverTheyStand() {
    func contains(_ text: String) -> Bool {
      var text = text
      return text.withUTF8 { JSONMemberSearch.contains("a_b", anchor: 1, in: UnsafeRawBufferPointer($0)) }
    }
    for text in ["a_b", "xa_b", "_a_b", "a_a_b_", "a_ba_b"] { #expect(contains(text)) }
    for text in ["", "_", "a_", "_b", "a_a_", "ab", "b_a"] { #expect(!contains(text)) }
  }

  @Test func elementsAndNestedObjectsAreScanned() throws {
    var json = #"{"list":[1,"two",{"n":"three"}],"after":0}"#
    try json.withUTF8 { text in
      let bytes = UnsafeRawBufferPointer(text)
      let envelope = try JSONEnvelope(scanning: bytes, for: ["list"])
      let list = try #require(envelope["list"])
      let elements = try JSONEnvelope.elements(at: list.range.lowerBound, of: bytes)
      #expect(elements.map(\.kind) == [.number, .string, .object])
      #expect(elements[1].string(in: bytes) == "two")
      let object = try JSONEnvelope(objectAt: elements[2].range.lowerBound, of: bytes, for: ["n"])
      #expect(object.string("n", in: bytes) == "three")
      #expect(throws: JSONSyntaxError.self) { try JSONEnvelope.elements(at: 0, of: bytes) }
    }
  }
}

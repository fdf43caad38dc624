// SPDX-License-Identifier: Apache-2.0

import PetrelWire
import Testing

@Suite struct CanonicalJSONEncoderTests {
  private struct Sample: Encodable {
    struct Inner: Encodable {
      var z: Int
      var a: [String]
    }
    var zebra = "z"
    var apple: Int?
    var middle = Inner(z: 1, a: [])
    var labels: [String: String]?
    var list: [Inner] = []
    var flag = true

    enum CodingKeys: String, CodingKey {
      case zebra, apple, middle
      case labels = "Labels"
      case list, flag
    }
  }

  private func encode(_ value: some Encodable) throws -> String { try CanonicalJSONEncoder().encode(value) }

  @Test func `Members keep the order of their declaration, and nil ones are left out`() throws {
    #expect(try encode(Sample()) == #"{"zebra":"z","middle":{"z":1,"a":[]},"list":[],"flag":true}"#)
    let full = Sample(apple: 2, labels: [:], list: [.init(z: -3, a: ["x"])])
    #expect(
      try encode(full)
        == #"{"zebra":"z","apple":2,"middle":{"z":1,"a":[]},"Labels":{},"list":[{"z":-3,"a":["x"]}],"flag":true}"#)
  }

  @Test func `Dictionaries are sorted by the bytes of their keys`() throws {
    let keys = ["b", "a", "B", "é", "z", "aa", "😀", "\u{FFFD}", "10", "9"]
    let text = try encode(Dictionary(uniqueKeysWithValues: keys.map { ($0, 1) }))
    #expect(text == "{\"10\":1,\"9\":1,\"B\":1,\"a\":1,\"aa\":1,\"b\":1,\"z\":1,\"é\":1,\"\u{FFFD}\":1,\"😀\":1}")
    #expect(try encode(["x": ["b": 1, "a": 2]]) == #"{"x":{"a":2,"b":1}}"#)
    #expect(try encode([["b": 1, "a": 2]]) == #"[{"a":2,"b":1}]"#)
    #expect(try encode(["b": nil, "a": 1] as [String: Int?]) == #"{"a":1,"b":null}"#)
  }

  @Test(arguments: [
    ("", #""""#),
    ("a/b", #""a/b""#),
    ("\"\\", #""\"\\""#),
    ("\u{8}\u{C}\n\r\t\u{0}\u{1F}\u{7F}", "\"\\b\\f\\n\\r\\t\\u0000\\u001f\u{7F}\""),
    ("<a>&\u{2028}\u{2029}", #""\u003ca\u003e\u0026\u2028\u2029""#),
    ("é✓😀", #""é✓😀""#),
    ("\r\n", #""\r\n""#),
    ("e\u{301}", "\"e\u{301}\""),
  ]) func `Strings are escaped as Go does`(text: String, json: String) throws {
    #expect(try encode(text) == json)
  }

  @Test func `Numbers have their shortest form, and JSON has no infinity`() throws {
    #expect(try encode([0, -1, .max, .min] as [Int64]) == "[0,-1,9223372036854775807,-9223372036854775808]")
    #expect(try encode(UInt64.max) == "18446744073709551615")
    #expect(try encode([1.0, 0.1, -2.5]) == "[1,0.1,-2.5]")
    for value in [Double.infinity, -.infinity, .nan] {
      #expect(throws: EncodingError.self) { try encode(["a": value]) }
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelWire
import Testing

@Suite struct JSONNodeParsingTests {
  @Test(arguments: [
    #"{"b":1,"a":[true,false,null],"":{},"c":[]}"#, "[]", "{}", "-0.5e+10", "18446744073709551616", "\"\"",
    #"{"text":"héllo ✓ 😀 \" \\ \n \u0001"}"#, #"[[[[{"deep":[0]}]]]]"#,
  ]) func `What is parsed is written again as it was`(text: String) throws {
    let node = try JSONNode(parsing: text)
    #expect(String(decoding: node.bytes, as: UTF8.self) == text)
  }

  @Test func `White space and escapes are resolved`() throws {
    let node = try JSONNode(parsing: " {\n\"a\\u00e9\" : [ 1 ,\t2 ] , \"b\" : \"x\\ud83d\\ude00\\ty\\/\\ud800z\" } ")
    #expect(node["aé"]?.elements == [.number("1"), .number("2")])
    #expect(node["b"]?.string == "x😀\ty/\u{FFFD}z")
  }

  @Test func `Of members with one name the last counts`() throws {
    #expect(try JSONNode(parsing: #"{"a":1,"a":2}"#)["a"]?.integer == 2)
  }

  @Test func `Numbers are read as what is asked for`() throws {
    let node = try JSONNode(parsing: #"[7,7.0,7.5,"7",1e400]"#)
    #expect(node.elements?.map(\.integer) == [7, 7, nil, nil, nil])
    #expect(node.elements?[2].double == 7.5)
  }

  @Test(arguments: ["", " ", "{", "[1,]", "{\"a\"}", "nul", "1 2", "\"a", "\"\u{1}\"", "[01]", "{a:1}", "tru"])
  func `What is no JSON is refused`(text: String) {
    #expect(throws: JSONSyntaxError.self) { try JSONNode(parsing: text) }
  }

  @Test func `Documents with too many values are refused`() throws {
    let text = { (count: Int) in "[" + String(repeating: "0,", count: count - 2) + "0]" }
    #expect(try JSONNode(parsing: text(JSONNode.maximumValues)).elements?.count == JSONNode.maximumValues - 1)
    #expect(throws: JSONSyntaxError.self) { try JSONNode(parsing: text(JSONNode.maximumValues + 1)) }
  }

  @Test func `Documents that are too deep are refused`() {
    #expect(throws: JSONSyntaxError.self) {
      try JSONNode(parsing: String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000))
    }
  }
}

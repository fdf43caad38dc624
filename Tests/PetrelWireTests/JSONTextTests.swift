// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import PetrelWire
import Testing

@Suite struct JSONTextTests {
  private static let long = String(repeating: "A line of a prompt. ", count: 10)

  @Test(arguments: [
    "", "short", long, long + "größer 鯨 😀", #"\"quoted\" \\ \/ \b\f\n\r\t "# + long, long + #"\u00e9\ud83d\ude00"#,
    #"\n"# + long + #"\n"#, long + #"\ud800"#,
  ]) func `A long text is the same text, and stands in an answer as it was written`(written: String) throws {
    let node = try JSONNode(parsing: #"{"a":["\#(written)"],"b":"\#(written)"}"#)
    let value = try #require(node["b"]?.string)
    // Read in the old way: each character by itself, as in a name.
    let names = try JSONNode(parsing: #"{"\#(written)":1}"#).members?.map(\.name)
    #expect(names == [value])
    #expect(node["a"]?.elements == [.string(value)] && node["b"] == .string(value))
    #expect(node["b"]?.isText == true)
    #expect(try JSONNode(parsing: String(decoding: node.bytes, as: UTF8.self)) == node)
    if !written.contains("\\u"), !written.contains("\\/") {
      #expect(String(decoding: node.bytes, as: UTF8.self) == #"{"a":["\#(written)"],"b":"\#(written)"}"#)
    }
    #expect(try JSONNode(parsing: node.serialized()) == node)
  }

  @Test func `A text outlives the document that it was in`() throws {
    func texts() throws -> [JSONNode] {
      let document = "[" + (0..<100).map { #""\#($0) \#(Self.long)""# }.joined(separator: ",") + "]"
      return try #require(try JSONNode(parsing: document).elements)
    }
    let nodes = try texts()
    #expect(nodes.enumerated().allSatisfy { $1.string == "\($0) \(Self.long)" })
  }

  @Test func `Documents of any form come out as they went in`() throws {
    var random = SeededGenerator(seed: 7)
    let pieces = ["a", "\\n", "\\\"", "\\\\", "é", "😀", " ", "{", "}", "[", ",", ":", "0"]
    for _ in 0..<500 {
      let text = (0..<Int.random(in: 0..<200, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
      let document = #"{"x":"\#(text.joined())","y":[1,-0.5e3,true,null,{"\#(text.prefix(9).joined())":""}]}"#
      let node = try JSONNode(parsing: document)
      #expect(String(decoding: node.bytes, as: UTF8.self) == document)
    }
  }
}

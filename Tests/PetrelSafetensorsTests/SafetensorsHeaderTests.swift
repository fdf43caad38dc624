// SPDX-License-Identifier: Apache-2.0

import PetrelSafetensors
import PetrelTestSupport
import Testing

/// Bytes in memory that count how many of them were read.
final class MemorySource: SafetensorsSource {
  let bytes: [UInt8]
  let size: UInt64
  private(set) var bytesRead = 0

  /// - Parameter claimedSize: what the source says its size is, when it is not that of `bytes`.
  init(_ bytes: [UInt8], claimedSize: UInt64? = nil) {
    self.bytes = bytes
    size = claimedSize ?? UInt64(bytes.count)
  }

  func readBytes(at offset: UInt64, count: Int) throws(SafetensorsError) -> [UInt8] {
    let part = Array(bytes.dropFirst(Int(offset)).prefix(count))
    bytesRead += part.count
    return part
  }
}

/// A file with this header and `data` zeros.
func file(_ header: String, data: Int = 0, length: UInt64? = nil) -> [UInt8] {
  let text = Array(header.utf8)
  let length = length ?? UInt64(text.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> UInt64(8 * $0)) } + text + [UInt8](repeating: 0, count: data)
}

@Suite struct SafetensorsHeaderTests {
  private func header(_ text: String, data: Int = 0) throws -> SafetensorsHeader {
    try SafetensorsHeader(reading: MemorySource(file(text, data: data)))
  }

  private func refusal(_ bytes: [UInt8], claimedSize: UInt64? = nil) -> SafetensorsError? {
    do {
      _ = try SafetensorsHeader(reading: MemorySource(bytes, claimedSize: claimedSize))
      return nil
    } catch {
      return error
    }
  }

  @Test func sumsUpTheTensors() throws {
    let header = try header(
      #"{"__metadata__":{"format":"pt","n":1,"ok":true,"list":[1],"none":null},"#
        + #""a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},"#
        + #""b":{"shape":[],"data_offsets":[12,16],"dtype":"F32","more":{"x":[1,{"y":null}]}}}  "#, data: 16)
    #expect(header.metadata == ["format": "pt", "n": "1", "ok": "true"])
    #expect(header.tensorCount == 2 && header.parameterCount == 7 && header.types == ["BF16", "F32"])
  }

  @Test func textsAreUnescaped() throws {
    let header = try header(#"{"__metadata__":{"a\u0062\n":"\"\\\/\b\f\r\t \u00e9 \ud83d\ude00 \udc00 é"}}"#)
    #expect(header.metadata == ["ab\n": "\"\\/\u{8}\u{c}\r\t \u{e9} \u{1F600} \u{FFFD} \u{e9}"])
  }

  @Test func aFileWithoutTensorsIsRead() throws {
    let header = try header("{}")
    #expect(header.tensorCount == 0 && header.types.isEmpty)
    #expect(SafetensorsFacts([header]).quantization == "unknown")
  }

  @Test func shardsAreOneModel() throws {
    let first = try header(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, data: 8)
    let second = try header(
      #"{"__metadata__":{"architecture":"X"},"b":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#, data: 12)
    let facts = SafetensorsFacts([first, second])
    #expect(facts.parameterCount == 5 && facts.tensorCount == 2 && facts.quantization == "F32")
    #expect(facts.architecture == "X")
    let third = try header(#"{"c":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}"#, data: 2)
    #expect(SafetensorsFacts([first, third]).quantization == "mixed")
  }

  @Test(arguments: [
    ("m-00002-of-00003.safetensors", 3), ("m.safetensors", 1), ("m-00004-of-00003.safetensors", 1),
    ("m-00000-of-00003.safetensors", 1), ("m-00001-of-00003.SAFETENSORS", 1), ("-00001-of-00002.safetensors", 1),
  ])
  func shardNames(name: String, count: Int) {
    #expect(SafetensorsShards.names(for: name).count == count)
  }

  @Test(arguments: [
    "", "{", "[]", "{}x", #"{"a"}"#, #"{"a":}"#, #"{"a":1}"#, #"{"a":{}}"#, #"{"a":{"dtype":"F32"}}"#, "{,}",
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},}"#, #"{"a" 1}"#, "{\"\u{1}\":1}", #"{"\x":1}"#,
    #"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, #"{"\ud800\u0041":{}}"#, #"{"\ud800\n":{}}"#,
    #"{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":2,"data_offsets":[0]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}"#, #"{"__metadata__":{"a":01}}"#,
    #"{"__metadata__":{"a":tru}}"#, #"{"a":{"dtype":"F32","shape":[1,18446744073709551616],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,8]}}"#,
  ])
  func malformedHeaders(text: String) {
    let error = refusal(file(text, data: 8))
    #expect(error?.code == .malformed || (text.utf8.count < 2 && error?.code == .truncated), "\(text): \(error as Any)")
  }

  @Test func lengthsAndOffsetsThatLeadOutOfTheFile() {
    for bytes in [[], [1, 2, 3], file("{}", length: 3), file("{}", length: 1), file("{}", length: 100 << 20)] {
      #expect(refusal(bytes)?.code == .truncated)
    }
    #expect(refusal(file("{}", length: (100 << 20) + 1))?.code == .tooLarge)
    #expect(refusal(file("{}", length: .max))?.code == .tooLarge)
    // The file is shorter than it said.
    #expect(refusal(file("{", length: 50), claimedSize: 100)?.code == .truncated)
    for offsets in ["[0,9]", "[9,8]", "[0,18446744073709551615]"] {
      let tensor = #"{"a":{"dtype":"F32","shape":[2],"data_offsets":\#(offsets)}}"#
      #expect(refusal(file(tensor, data: 8))?.code == .truncated)
    }
  }

  @Test func everyTruncation() {
    let bytes = file(#"{"__metadata__":{"a":"b"},"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, data: 2)
    for length in 0..<bytes.count { #expect(refusal(Array(bytes.prefix(length))) != nil, "cut at \(length)") }
    for length in 8..<(bytes.count - 2) {
      let header = Array(bytes[8..<length])
      let cut = file(String(decoding: header, as: UTF8.self), data: 2)
      #expect(refusal(cut) != nil, "header cut at \(length)")
    }
  }

  @Test func nestingAndTextsAreBounded() throws {
    let deep = #"{"__metadata__":{"x":\#(String(repeating: "[", count: 5000))"#
    #expect(refusal(file(deep))?.code == .tooLarge)
    let long = String(repeating: "x", count: (1 << 20) + 1)
    let header = try header(#"{"__metadata__":{"long":"\#(long)","short":"y"}}"#)
    #expect(header.metadata == ["short": "y"])
    #expect(refusal(file(#"{"\#(long)":{}}"#))?.code == .tooLarge)
    let text = String(repeating: "x", count: 1 << 20)
    let many = (0..<17).map { #""k\#($0)":"\#(text)""# }.joined(separator: ",")
    #expect(refusal(file(#"{"__metadata__":{\#(many)}}"#))?.code == .tooLarge)
  }

  private static let seeds = [
    file(
      #"{"__metadata__":{"format":"pt","a\u0062":"\ud83d\ude00"},"a":{"dtype":"BF16","shape":[2,3],"#
        + #""data_offsets":[0,12]},"b":{"dtype":"F32","shape":[],"data_offsets":[12,16],"x":[1.5e3,true,null,{}]}} "#,
      data: 16),
    file(#"{"c":{"dtype":"F32","shape":[10,2],"data_offsets":[0,80]}}"#, data: 80), file("{}"),
  ]

  @Test func damagedFiles() async {
    var refused = 0
    await Fuzzing.each(of: Self.seeds, rounds: 2000) { bytes, round in
      let source = MemorySource(bytes)
      do {
        let header = try SafetensorsHeader(reading: source)
        #expect(header.types.count <= Int(header.tensorCount), "round \(round)")
      } catch {
        refused += 1
        #expect(!"\(error)".isEmpty, "round \(round)")
      }
      #expect(source.bytesRead <= bytes.count + 8, "round \(round)")
    }
    #expect(refused > 0)
  }
}

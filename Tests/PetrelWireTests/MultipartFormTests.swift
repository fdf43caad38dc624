// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import Testing

@testable import PetrelWire

@Suite struct MultipartFormTests {
  private static let body =
    "--b-1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nai/x\r\n"
    + "--b-1\r\ncontent-disposition: form-data; name=file; filename=\"a \\\"b\\\";c.wav\"\r\nContent-Type: audio/wav\r\n\r\n"
    + "RI\r\n--b-FF\r\n--b-1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nai/y\r\n--b-1--\r\n"

  private func read<Result>(_ text: String, _ body: (MultipartForm, UnsafeRawBufferPointer) -> Result) throws -> Result
  {
    try Array(text.utf8).withUnsafeBytes { bytes in try body(MultipartForm(bytes, boundary: "b-1"), bytes) }
  }

  @Test func `Fields and files are found, and of several of a name the last`() throws {
    try read(Self.body) { form, bytes in
      #expect(form.parts.map(\.name) == ["model", "file", "model"])
      #expect(form.text("model", in: bytes) == "ai/y")
      #expect(form.text("file", in: bytes) == nil && form.text("other", in: bytes) == nil)
      let file = form.file("file")
      #expect(file?.fileName == "a \"b\";c.wav")
      #expect(file.map { String(decoding: bytes[$0.content], as: UTF8.self) } == "RI\r\n--b-FF")
    }
  }

  @Test(arguments: [
    "", "--b-1", "--b-1\r\n", "--b-2\r\n\r\n\r\n--b-2--", "--b-1\r\n\r\nx\r\n--b-1--", "--b-1x\r\n",
    "--b-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b-2--",
    "--b-1\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\nx\r\n--b-1--",
    "--b-1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\nx\r\n--b-1--",
    "--b-1\r\nX: " + String(repeating: "y", count: 9000) + "\r\n\r\nx\r\n--b-1--",
  ]) func `What is no form is refused`(text: String) {
    #expect(throws: MultipartError.self) { try read(text) { form, _ in form } }
  }

  @Test(arguments: ["\r", "\r\n", "\r\n--b-", "\r\r\n--b-\r", "\r\n-\r\n--b"])
  func `What is nearly a boundary is content`(piece: String) throws {
    let content = String(repeating: piece, count: 1000)
    let form = "--b-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\(content)\r\n--b-1--"
    try read(form) { form, bytes in #expect(form.text("a", in: bytes) == content) }
  }

  @Test func `Parts are counted`() {
    let part = "--b-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n"
    let most = MultipartForm.mostParts
    #expect(throws: Never.self) { try read(String(repeating: part, count: most) + "--b-1--") { form, _ in form } }
    #expect(throws: MultipartError.self) {
      try read(String(repeating: part, count: most + 1) + "--b-1--") { form, _ in form }
    }
  }

  @Test(
    arguments: [
      ("multipart/form-data; boundary=b-1", "b-1"), ("Multipart/Form-Data;charset=x; BOUNDARY=\"a.b\"", "a.b"),
      ("multipart/form-data", nil), ("multipart/mixed; boundary=b", nil), ("application/json", nil),
      ("multipart/form-data; boundary=", nil), ("multipart/form-data; boundary=\"a\rb\"", nil), ("", nil),
    ] as [(String, String?)]) func `The boundary is read`(type: String, boundary: String?)
  {
    #expect(MultipartForm.boundary(ofContentType: type) == boundary)
  }

  @Test func `Damaged forms are read or refused`() {
    var random = SeededGenerator(seed: 11)
    for _ in 0..<Fuzzing.rounds(1000) {
      Fuzzing.mutated(Array(Self.body.utf8), using: &random).withUnsafeBytes { bytes in
        guard let form = try? MultipartForm(bytes, boundary: "b-1") else { return }
        #expect(form.parts.allSatisfy { $0.content.upperBound <= bytes.count })
      }
    }
  }
}

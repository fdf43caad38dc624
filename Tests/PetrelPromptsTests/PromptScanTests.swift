// SPDX-License-Identifier: Apache-2.0

import PetrelWire
import Testing

@testable import PetrelPrompts

@Suite struct PromptScanTests {
  private static let scan = PromptScan(.standard)

  /// What the scan says, and what the rules do.
  private func outcome(_ body: String) throws -> (mayApply: Bool, changed: PromptRules.ChangedBody?) {
    try Array(body.utf8).withUnsafeBytes { bytes in
      let envelope = try JSONEnvelope(scanning: bytes, for: ["messages"])
      let messages = try #require(envelope["messages"]?.range.lowerBound)
      return (
        Self.scan.mayApply(toMessagesAt: messages, of: bytes),
        Self.scan.rules.applied(toMessagesAt: messages, of: bytes)
      )
    }
  }

  @Test(arguments: [
    (
      #"{"messages":[{"role":"system","content":"x-anthropic-billing-header: 1\nBe brief."}, {"role":"user","content":"a"}],"n":1}"#,
      #"{"messages":[{"role":"system","content":"Be brief."}, {"role":"user","content":"a"}],"n":1}"#
    ),
    (
      #"{ "messages" : [ {"content":"Hi.\r\n\t Current TIME: 12:01\r\nBye", "role" : "developer"} , {"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#,
      #"{ "messages" : [ {"role":"developer","content":"Hi.\r\nBye"} , {"role":"user","content":"a\n\n\t Current TIME: 12:01"},{"role":"assistant","content":"b"}]}"#
    ),
    (
      #"{"messages":[{"role":"system","content":[{"type":"text","text":"Date: 1\nx"},{"type":"text","text":"y"}]},{"role":"user","content":[{"type":"text","text":"a"}]}]}"#,
      #"{"messages":[{"role":"system","content":[{"type":"text","text":"x"},{"type":"text","text":"y"}]},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"Date: 1"}]}]}"#
    ),
    // Nothing is left of the prompt, or of its first part.
    (
      #"{"messages":[{"role":"system","content":"x-anthropic-billing-header: 1"},{"role":"user","content":"a"}]}"#,
      #"{"messages":[{"role":"user","content":"a"}]}"#
    ),
    (
      #"{"messages":[{"role":"system","content":[{"type":"text","text":"Date: 1"},{"type":"text","text":"y"}]},{"role":"user","content":"a"}]}"#,
      #"{"messages":[{"role":"system","content":[{"type":"text","text":"y"}]},{"role":"user","content":"a\n\nDate: 1"}]}"#
    ),
    (
      #"{"messages":[{"role":"system","content":"x-anthropic-billing-header: 1"}]}"#, #"{"messages":[]}"#
    ),
    // Characters may be written as escapes.
    (
      #"{"messages":[{"role":"system","content":"\u0064ate: 1\nx"},{"role":"user","content":"a"}]}"#,
      #"{"messages":[{"role":"system","content":"x"},{"role":"user","content":"a\n\ndate: 1"}]}"#
    ),
  ]) func `What changes is taken from the beginning, and all other bytes stay`(body: String, changed: String) throws {
    let outcome = try outcome(body)
    #expect(outcome.mayApply)
    #expect(outcome.changed.map { String(decoding: $0.bytes, as: UTF8.self) } == changed)
    #expect(outcome.changed?.applied.count == 1)
  }

  @Test(arguments: [
    #"{"messages":[{"role":"user","content":"Current time: 1"}]}"#,
    #"{"messages":[{"role":"system","content":"You answer in a few words."},{"role":"user","content":"Date: 1"}]}"#,
    #"{"messages":[{"role":"system","content":"a\nb\n\nc \"x\" Date: 1"},{"role":"user","content":"a"}]}"#,
    #"{"messages":[{"role":"system","content":null},{"role":"user","content":"a"}]}"#,
    #"{"messages":[{"role":"system","content":[{"type":"text"}]},{"role":"user","content":"a"}]}"#,
    #"{"messages":[{"role":"system","content":[]}]}"#, #"{"messages":[]}"#, #"{"messages":[1]}"#, #"{"messages":{}}"#,
    #"{"messages":[{"role":"system"}]}"#, #"{"messages":[{"content":{"a":1},"role":"system"}]}"#,
  ]) func `All others are left alone, and told so at a glance`(body: String) throws {
    let outcome = try outcome(body)
    #expect(!outcome.mayApply)
    #expect(outcome.changed == nil)
  }

  @Test func `Lines further down are not looked at`() throws {
    let deep = String(repeating: #"line\n"#, count: PromptRules.lines) + "Date: 1"
    #expect(try !outcome(#"{"messages":[{"role":"system","content":"\#(deep)"}]}"#).mayApply)
  }

  @Test(arguments: [
    #"\f"#, #"\u000b"#, #"\u000A"#, #"\u000d\u000a"#, #"\r\u000a"#, #"\u0085"#, #"\u2028"#, #"\u2029"#, "\u{85}",
    "\u{2028}",
    "\u{2029}", #"\n\u00a0"#, "\\n\u{A0}", "\\n\u{3000}",
  ]) func `Lines end in every way in which the rules let them end`(end: String) throws {
    for lines in [1, PromptRules.lines - 1] {
      let prompt = String(repeating: "é \(end)", count: lines) + "Date: 1"
      let outcome = try outcome(
        #"{"messages":[{"role":"system","content":"\#(prompt)"},{"role":"user","content":"a"}]}"#)
      #expect(outcome.changed != nil && outcome.mayApply, "\(end.unicodeScalars.map(\.value))")
    }
  }

  /// The scan must not miss what the rules would change.
  @Test func `Wherever a rule applies the scan has said so`() throws {
    for rule in PromptRules.standard.dropped + PromptRules.standard.moved {
      for (before, after) in [("", " 1"), ("a\n", " x\nb"), ("\n\n  ", ""), ("a\r", "\rb"), ("\t", "")] {
        let body = JSONNode.object([
          JSONMember(
            "messages",
            [
              ["role": "system", "content": .string(before + rule.uppercased() + after)],
              ["role": "user", "content": "a"],
            ])
        ]).serialized()
        let outcome = try outcome(body)
        #expect(outcome.changed != nil && outcome.mayApply, "\(body)")
      }
    }
  }
}

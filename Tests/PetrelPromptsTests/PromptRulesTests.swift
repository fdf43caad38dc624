// SPDX-License-Identifier: Apache-2.0

import PetrelWire
import Testing

@testable import PetrelPrompts

@Suite struct PromptRulesTests {
  private func message(_ role: String, _ content: JSONNode) -> JSONNode {
    ["role": .string(role), "content": content]
  }

  @Test func `A billing header is left out`() {
    var messages = [
      message("system", "x-anthropic-billing-header: cc_version=2.1.38.d53; cch=0a1b2;\nYou are an agent."),
      message("user", "hi"),
    ]
    let applied = PromptRules.standard.apply(to: &messages)
    #expect(applied == ["drop x-anthropic-billing-header:"])
    #expect(messages == [message("system", "You are an agent."), message("user", "hi")])
  }

  @Test(arguments: ["Today's date: 2026-11-21", "Current time: 12:33:01", "  The current date is Monday."])
  func `A line with a date goes behind the last message`(line: String) {
    var messages = [
      message("system", .string("You are an agent.\r\n\(line)\r\nBe brief.")), message("user", "one"),
      message("assistant", "two"), message("user", "three"),
    ]
    #expect(PromptRules.standard.apply(to: &messages).count == 1)
    #expect(messages.first?["content"] == "You are an agent.\r\nBe brief.")
    #expect(messages[1]["content"] == "one")
    #expect(messages.last?["content"]?.string == "three\n\n\(line)")
  }

  @Test(arguments: ["\n", "\r\n", "\r", "\u{B}", "\u{C}", "\u{85}", "\u{2028}", "\u{2029}"])
  func `Lines end as characters say`(lineBreak: String) {
    let outcome = PromptRules.standard.apply(to: "Größe â€ \u{E2}\(lineBreak)Date: 1\(lineBreak)鯨")
    #expect(outcome.text == "Größe â€ \u{E2}\(lineBreak)鯨")
    #expect(outcome.moved == ["Date: 1"])
  }

  @Test func `Results of tools and messages in parts take what is moved too`() {
    var messages = [
      message("system", "Date: 1\nx"), message("user", "a"),
      message("tool", [["type": "text", "text": "r"]]),
    ]
    _ = PromptRules.standard.apply(to: &messages)
    #expect(messages[1] == message("user", "a"))
    #expect(messages[2]["content"] == [["type": "text", "text": "r"], ["type": "text", "text": "Date: 1"]])
  }

  @Test func `A prompt of nothing else goes away`() {
    var messages = [message("system", "x-anthropic-billing-header: 1"), message("user", "a")]
    _ = PromptRules.standard.apply(to: &messages)
    #expect(messages == [message("user", "a")])
  }

  @Test func `Other prompts stay byte for byte`() {
    let deep = String(repeating: "line\n", count: PromptRules.lines) + "Today is Monday."
    for prompt in ["You are an agent.\n\n  Be brief.\n", "\n\nHello", "Billing: x", deep, ""] {
      var messages = [message("system", .string(prompt)), message("user", "a")]
      #expect(PromptRules.standard.apply(to: &messages) == [])
      #expect(messages[0]["content"]?.string == prompt)
    }
    var user = [message("user", "Today is Monday.")]
    #expect(PromptRules.standard.apply(to: &user) == [])
    #expect(user == [message("user", "Today is Monday.")])
  }

  @Test func `Nothing is moved when there is no message to take it`() {
    let original = [message("system", "Today is Monday.\nx"), message("assistant", "hm")]
    var messages = original
    #expect(PromptRules.standard.apply(to: &messages) == [])
    #expect(messages == original)
  }

  @Test func `Without rules nothing happens`() {
    var messages = [message("system", "x-anthropic-billing-header: 1\nx"), message("user", "a")]
    #expect(PromptRules.none.apply(to: &messages) == [])
    #expect(messages[0]["content"] == "x-anthropic-billing-header: 1\nx")
  }
}

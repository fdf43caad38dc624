// SPDX-License-Identifier: Apache-2.0

import PetrelPrompts
import Testing

@testable import PetrelDaemon

@Suite struct PromptSettingsTests {
  private func rules(
    file: [String: [String]] = [:], environment: [String: String] = [:]
  ) throws -> PromptRules {
    var rows: [SettingRow] = []
    let rules = try PromptSettings.rules(ConfigurationLayers(environment: environment, file: file), rows: &rows)
    #expect(Set(rows.map(\.key)) == ["prompt-rules", "prompt-drop", "prompt-move"])
    return rules
  }

  @Test func `Without a word the built-in rules hold`() throws {
    #expect(try rules() == .standard)
  }

  @Test func `All rules can be switched off`() throws {
    #expect(try rules(environment: ["PETREL_PROMPT_RULES": "off"]) == .none)
    #expect(try rules(file: ["prompt-rules": ["false"], "prompt-drop": ["x"]]) == .none)
  }

  @Test func `Lists add to the built-in ones, or replace them`() throws {
    let rules = try rules(file: ["prompt-drop": ["default", "X-Trace:"]], environment: ["PETREL_PROMPT_MOVE": "Now:"])
    #expect(rules.dropped == PromptRules.standard.dropped + ["X-Trace:"])
    #expect(rules.moved == ["Now:"])
  }

  @Test func `A switch that is neither on nor off is refused`() throws {
    let error = #expect(throws: ConfigurationError.self) { try rules(file: ["prompt-rules": ["maybe"]]) }
    #expect(error?.message.contains("but it must be on or off") == true)
  }
}

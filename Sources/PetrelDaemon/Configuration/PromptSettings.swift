// SPDX-License-Identifier: Apache-2.0

import PetrelPrompts

/// What is done to the beginning of system prompts, so that engines can reuse their work on the rest.
enum PromptSettings {
  static func rules(
    _ layers: ConfigurationLayers, rows: inout [SettingRow]
  ) throws(ConfigurationError) -> PromptRules {
    let isOn = Setting("prompt-rules", environment: "PETREL_PROMPT_RULES", default: "on", expects: "on or off") {
      ["on": true, "true": true, "off": false, "false": false][$0.lowercased()]
    }
    /// A list whose item `default` stands for what is built in.
    func list(_ key: String, environment name: String, standard: [String]) -> Setting<[String]> {
      Setting(
        key, environment: name, default: "default", expects: "the beginning of a line, or default for the built-in ones"
      ) { $0.isEmpty ? nil : $0 == "default" ? standard : [$0] }
    }
    let standard = PromptRules.standard
    let dropped = try layers.values(
      list("prompt-drop", environment: "PETREL_PROMPT_DROP", standard: standard.dropped), rows: &rows)
    let moved = try layers.values(
      list("prompt-move", environment: "PETREL_PROMPT_MOVE", standard: standard.moved), rows: &rows)
    guard try layers.value(isOn, rows: &rows) != false else { return .none }
    return PromptRules(dropped: dropped.flatMap { $0 }, moved: moved.flatMap { $0 })
  }
}

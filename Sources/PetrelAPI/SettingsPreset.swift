// SPDX-License-Identifier: Apache-2.0

/// Settings for a purpose, by name. Source: the presets of Docker Model Runner's user documentation.
package enum SettingsPreset: String, Codable, Sendable, CaseIterable {
  case code, chat, creative
  case longDocuments = "long-documents"
  case lowMemory = "low-memory"

  /// Tokens.
  private var contextSize: Int {
    switch self {
    case .code: 4096
    case .chat, .creative: 8192
    case .longDocuments: 32768
    case .lowMemory: 2048
    }
  }

  private var runtimeFlags: [String] {
    switch self {
    case .code: ["--temp", "0.1", "--top-k", "1", "--batch-size", "1024"]
    case .chat: ["--temp", "0.7", "--top-p", "0.9", "--repeat-penalty", "1.1"]
    case .creative: ["--temp", "1.2", "--top-p", "0.95", "--repeat-penalty", "1.0"]
    case .longDocuments: ["--mlock", "--batch-size", "2048"]
    case .lowMemory: ["--threads", "4"]
    }
  }

  /// `change`, and where it says nothing what the preset says.
  package func filling(_ change: SettingsChange) -> SettingsChange {
    var result = change
    if result.contextSize == .keep { result.contextSize = .set(contextSize) }
    if result.runtimeFlags == .keep { result.runtimeFlags = .set(runtimeFlags) }
    return result
  }
}

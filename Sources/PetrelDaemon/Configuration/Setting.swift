// SPDX-License-Identifier: Apache-2.0

/// One thing that can be configured, and how its text is read.
package struct Setting<Value: Sendable>: Sendable {
  /// Its name in the configuration file; the flag, where there is one, is `--key`.
  let key: String
  /// Its names in the environment; the first that is set counts.
  let environmentNames: [String]
  /// As if it had been written in the file. Nil for settings without a default.
  let defaultText: String?
  /// What is expected, for error messages: "a port number from 0 to 65535".
  let expectation: String
  /// Nil when the text is not what is expected.
  let parse: @Sendable (String) -> Value?
  /// The text as it may be shown: without secrets.
  let describe: @Sendable (String) -> String

  init(
    _ key: String, environment: String, default defaultText: String? = nil, expects expectation: String,
    parse: @escaping @Sendable (String) -> Value?
  ) {
    self.init(key, environments: [environment], default: defaultText, expects: expectation, parse: parse)
  }

  init(
    _ key: String, environments: [String], default defaultText: String? = nil, expects expectation: String,
    describe: @escaping @Sendable (String) -> String = { $0 }, parse: @escaping @Sendable (String) -> Value?
  ) {
    self.key = key
    environmentNames = environments
    self.defaultText = defaultText
    self.expectation = expectation
    self.describe = describe
    self.parse = parse
  }
}

/// Where a value came from.
package enum SettingSource: Sendable, Equatable, CustomStringConvertible {
  case flag(String)
  case environment(String)
  case file(String)
  case builtIn

  package var description: String {
    switch self {
    case .flag(let name): "flag --\(name)"
    case .environment(let name): "environment \(name)"
    case .file(let path): "file \(path)"
    case .builtIn: "default"
    }
  }
}

/// A configured value as `petrel config show` prints it.
package struct SettingRow: Sendable {
  package let key: String
  package let value: String
  package let source: SettingSource
}

/// A configuration that can't be used. The message names the value, where it stands and what would be right.
package struct ConfigurationError: Error, Sendable, CustomStringConvertible {
  package let message: String
  package var description: String { message }
}

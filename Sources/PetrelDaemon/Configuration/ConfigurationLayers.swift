// SPDX-License-Identifier: Apache-2.0

/// The places in which a setting may be given. The first that has it wins: flags, environment, file, default.
package struct ConfigurationLayers: Sendable {
  /// Flag names without dashes, to their values in the order given.
  package var flags: [String: [String]]
  package var environment: [String: String]
  /// Keys of the configuration file.
  package var file: [String: [String]]
  /// For messages.
  package var filePath: String

  package init(
    flags: [String: [String]] = [:], environment: [String: String] = [:], file: [String: [String]] = [:],
    filePath: String = ""
  ) {
    self.flags = flags
    self.environment = environment
    self.file = file
    self.filePath = filePath
  }

  /// The texts given for a setting. A list in the environment is separated by commas.
  private func texts(of setting: Setting<some Sendable>, isList: Bool) -> ([String], SettingSource) {
    if let values = flags[setting.key], !values.isEmpty { return (values, .flag(setting.key)) }
    for name in setting.environmentNames {
      guard let value = environment[name].map(Self.unquoted), !value.isEmpty else { continue }
      let items = isList ? value.split(separator: ",").map(Self.unquoted).filter { !$0.isEmpty } : [value]
      return (items, .environment(name))
    }
    if let values = file[setting.key], !values.isEmpty { return (values, .file(filePath)) }
    return (setting.defaultText.map { [$0] } ?? [], .builtIn)
  }

  /// The values of a setting that is a list.
  func values<Value>(_ setting: Setting<Value>, rows: inout [SettingRow]) throws(ConfigurationError) -> [Value] {
    try values(setting, isList: true, rows: &rows)
  }

  private func values<Value>(
    _ setting: Setting<Value>, isList: Bool, rows: inout [SettingRow]
  ) throws(ConfigurationError) -> [Value] {
    let (texts, source) = texts(of: setting, isList: isList)
    if !isList, case .file = source, texts.count > 1 {
      throw ConfigurationError(
        message: "\(setting.key) is a list (\(source)), but it must be one value: \(setting.expectation)")
    }
    rows.append(
      SettingRow(key: setting.key, value: texts.map(setting.describe).joined(separator: ", "), source: source))
    var values: [Value] = []
    for text in texts {
      guard let value = setting.parse(text) else {
        throw ConfigurationError(
          message: "\(setting.key) is \"\(setting.describe(text))\" (\(source)), but it must be \(setting.expectation)")
      }
      values.append(value)
    }
    return values
  }

  /// The value of a setting that has a default or may be absent. Of several the last counts.
  func value<Value>(_ setting: Setting<Value>, rows: inout [SettingRow]) throws(ConfigurationError) -> Value? {
    try values(setting, isList: false, rows: &rows).last
  }

  /// Environment values are written with blanks and quotes around them by some service managers.
  private static func unquoted(_ text: some StringProtocol) -> String {
    func trim(_ text: Substring, _ isTrimmed: (Character) -> Bool) -> Substring {
      var text = text
      while let first = text.first, isTrimmed(first) { text.removeFirst() }
      while let last = text.last, isTrimmed(last) { text.removeLast() }
      return text
    }
    return String(trim(trim(Substring(text), \.isWhitespace)) { $0 == "\"" || $0 == "'" })
  }
}

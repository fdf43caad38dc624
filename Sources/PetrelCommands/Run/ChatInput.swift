// SPDX-License-Identifier: Apache-2.0

/// What a line of a chat means.
enum ChatInput: Equatable {
  case message(String)
  /// Begins a message of several lines; its first line is given.
  case multiline(String)
  case empty
  case leave
  case help
  case clear
  /// Nil clears the system message.
  case setSystem(String?)
  /// `/set` with a word that cannot be set, or with none.
  case setHelp(unknown: String?)
  case unknownCommand(String)

  static let multilineMark = "\"\"\""

  init(line: String) {
    let trimmed = Self.trim(line)
    if trimmed.isEmpty {
      self = .empty
    } else if trimmed.hasPrefix(Self.multilineMark) {
      let rest = String(trimmed.dropFirst(3))
      self = rest.hasSuffix(Self.multilineMark) ? .message(String(rest.dropLast(3))) : .multiline(rest)
    } else if trimmed.hasPrefix("/"), Self.isCommandWord(trimmed) {
      self = Self.command(trimmed)
    } else {
      self = .message(trimmed)
    }
  }

  /// Whether a later line ends the message of several lines, and what of it belongs to the message.
  static func closing(_ line: String) -> String? {
    line.hasSuffix(multilineMark) ? String(line.dropLast(3)) : nil
  }

  /// `/word`, but not `/path/to/a/file`, which begins a message.
  private static func isCommandWord(_ text: String) -> Bool {
    let word = text.dropFirst().prefix { !$0.isWhitespace }
    return !word.contains("/") && !word.contains(".")
  }

  private static func command(_ text: String) -> ChatInput {
    let name = text.prefix { !$0.isWhitespace }
    let rest = trim(String(text.dropFirst(name.count)))
    switch name {
    case "/bye", "/exit": return .leave
    case "/?", "/help": return .help
    case "/clear": return .clear
    case "/set":
      let option = String(rest.prefix { !$0.isWhitespace })
      guard option == "system" else { return .setHelp(unknown: option.isEmpty ? nil : option) }
      let value = trim(String(rest.dropFirst(option.count)))
      return .setSystem(value.isEmpty ? nil : value)
    default: return .unknownCommand(String(name))
    }
  }

  private static func trim(_ text: String) -> String {
    var text = Substring(text)
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}

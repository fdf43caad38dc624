// SPDX-License-Identifier: Apache-2.0

/// What a person did at the keyboard.
package enum Key: Sendable, Equatable {
  case text(String)
  case enter, tab, backspace, delete
  case left, right, up, down, home, end
  case wordLeft, wordRight, deleteWordLeft
  case pasteStart, pasteEnd
  /// Ctrl and a lower-case letter.
  case control(Character)
}

/// Turns the bytes of a raw terminal into keys. Bytes may be split anywhere; unknown escape sequences are swallowed.
package struct KeyDecoder: Sendable {
  private enum State {
    case ground
    /// Bytes of a UTF-8 character, with the number of bytes still to come.
    case character([UInt8], missing: Int)
    case escape
    /// The bytes after `ESC [` or `ESC O`.
    case sequence([UInt8])
  }

  /// Longer escape sequences are no keys.
  private static let maximumSequence = 16
  private var state = State.ground

  package init() {}

  package mutating func decode(_ bytes: some Sequence<UInt8>) -> [Key] {
    bytes.compactMap { decode($0) }
  }

  private mutating func decode(_ byte: UInt8) -> Key? {
    switch state {
    case .ground:
      return ground(byte)
    case .character(let bytes, let missing):
      guard byte & 0xC0 == 0x80 else {
        state = .ground
        return ground(byte)
      }
      state = missing > 1 ? .character(bytes + [byte], missing: missing - 1) : .ground
      return missing > 1 ? nil : .text(String(decoding: bytes + [byte], as: UTF8.self))
    case .escape:
      return afterEscape(byte)
    case .sequence(let bytes):
      guard (0x40...0x7E).contains(byte) else {
        state = bytes.count < Self.maximumSequence ? .sequence(bytes + [byte]) : .ground
        return nil
      }
      state = .ground
      return Self.sequenceKey(parameters: bytes, final: byte)
    }
  }

  private mutating func ground(_ byte: UInt8) -> Key? {
    switch byte {
    case 0x1B: state = .escape
    case 0x0D, 0x0A: return .enter
    case 0x09: return .tab
    case 0x7F, 0x08: return .backspace
    case 0x01...0x1A: return .control(Character(Unicode.Scalar(byte + 0x60)))
    case 0x20..<0x7F: return .text(String(Unicode.Scalar(byte)))
    case 0xC2...0xDF: state = .character([byte], missing: 1)
    case 0xE0...0xEF: state = .character([byte], missing: 2)
    case 0xF0...0xF4: state = .character([byte], missing: 3)
    default: break
    }
    return nil
  }

  private mutating func afterEscape(_ byte: UInt8) -> Key? {
    state = .ground
    switch byte {
    case UInt8(ascii: "["), UInt8(ascii: "O"): state = .sequence([])
    case 0x1B: state = .escape
    case UInt8(ascii: "b"): return .wordLeft
    case UInt8(ascii: "f"): return .wordRight
    case 0x7F, 0x08: return .deleteWordLeft
    default: break
    }
    return nil
  }

  private static func sequenceKey(parameters: [UInt8], final: UInt8) -> Key? {
    let parameters = String(decoding: parameters, as: UTF8.self)
    // `1;5` and `1;3` are Ctrl and Alt with an arrow.
    let byWord = parameters == "1;5" || parameters == "1;3"
    switch Character(Unicode.Scalar(final)) {
    case "A": return .up
    case "B": return .down
    case "C": return byWord ? .wordRight : .right
    case "D": return byWord ? .wordLeft : .left
    case "H": return .home
    case "F": return .end
    case "~":
      switch parameters {
      case "1", "7": return .home
      case "3": return .delete
      case "4", "8": return .end
      case "200": return .pasteStart
      case "201": return .pasteEnd
      default: return nil
      }
    default: return nil
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

/// One challenge of a `WWW-Authenticate` header, such as `Bearer realm="https://…/token",service="…",scope="…"`.
///
/// Source: RFC 9110, section 11.
package struct AuthChallenge: Hashable, Sendable {
  /// Lower-case: `bearer`, `basic`.
  package let scheme: String
  /// Names are lower-case.
  package let parameters: [String: String]

  /// All challenges of the header's values, in order. What cannot be read is skipped.
  package static func parse(_ headerValues: [String]) -> [AuthChallenge] {
    headerValues.flatMap { value in
      var scanner = Scanner(rest: Substring(value))
      return scanner.challenges()
    }
  }

  private struct Scanner {
    var rest: Substring

    mutating func challenges() -> [AuthChallenge] {
      var found: [AuthChallenge] = []
      var scheme: String?
      var parameters: [String: String] = [:]
      func finished() -> [AuthChallenge] {
        scheme.map { [AuthChallenge(scheme: $0, parameters: parameters)] } ?? []
      }
      while true {
        skip { $0 == " " || $0 == "\t" || $0 == "," }
        let word = token()
        guard !word.isEmpty else {
          guard !rest.isEmpty else { return found + finished() }
          rest.removeFirst()
          continue
        }
        let afterWord = rest
        skip { $0 == " " || $0 == "\t" }
        if rest.first == "=", scheme != nil {
          rest.removeFirst()
          skip { $0 == " " || $0 == "\t" }
          let value = rest.first == "\"" ? quotedString() : token()
          if parameters[word.lowercased()] == nil { parameters[word.lowercased()] = value }
        } else {
          rest = afterWord
          found += finished()
          scheme = word.lowercased()
          parameters = [:]
        }
      }
    }

    mutating func skip(_ isSkipped: (Character) -> Bool) {
      rest = rest.drop(while: isSkipped)
    }

    mutating func token() -> String {
      let word = rest.prefix { $0 != " " && $0 != "\t" && $0 != "," && $0 != "=" && $0 != "\"" }
      rest = rest[word.endIndex...]
      return String(word)
    }

    mutating func quotedString() -> String {
      rest.removeFirst()
      var text = ""
      while let character = rest.popFirst(), character != "\"" {
        if character == "\\", let escaped = rest.popFirst() { text.append(escaped) } else { text.append(character) }
      }
      return text
    }
  }
}

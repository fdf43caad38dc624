// SPDX-License-Identifier: Apache-2.0

/// How long an engine stays in memory after its last request.
package enum KeepAlive: Sendable, Hashable {
  /// Never ended for idleness, and never to make room for another.
  case forever
  /// Zero ends it as soon as nobody uses it.
  case after(Duration)

  /// A century stands for all that is longer, and keeps sums with it representable.
  private static let longest = Duration.seconds(3_155_760_000)

  /// Reads the text of the management API and the command line: a duration with units (`30s`, `1h30m`), `0`, or `-1` and
  /// any negative duration for ever.
  ///
  /// - Throws: ``KeepAliveError`` with the reference's words.
  package init(parsing text: String) throws(KeepAliveError) {
    if text == "-1" {
      self = .forever
      return
    }
    guard let duration = GoDuration.parse(text) else { throw KeepAliveError(text: text) }
    self = duration < .zero ? .forever : .after(min(duration, Self.longest))
  }

  /// A number as Ollama's clients send it: seconds, negative for ever.
  package init(seconds: Double) {
    self = seconds < 0 || seconds.isNaN ? .forever : .after(min(.seconds(min(seconds, 1e10)), Self.longest))
  }

  /// `5m0s`, `0s`, `-1`.
  package var text: String {
    switch self {
    case .forever: "-1"
    case .after(let duration): GoDuration.format(duration)
    }
  }
}

/// A text that is no keep-alive.
package struct KeepAliveError: Error, Sendable, Equatable, CustomStringConvertible {
  package let text: String

  package var description: String {
    "invalid keep_alive duration \"\(text)\": \(reason); write a duration such as 30s, 5m or 1h30m, 0 for none, or -1 "
      + "for ever"
  }

  /// As Go's `time.ParseDuration` words it.
  private var reason: String {
    let unsigned = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : Substring(text)
    let digits = unsigned.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    if digits.isEmpty || Double(digits) == nil { return "time: invalid duration \"\(text)\"" }
    let unit = unsigned.dropFirst(digits.count).prefix { !($0.isNumber || $0 == ".") }
    return unit.isEmpty
      ? "time: missing unit in duration \"\(text)\"" : "time: unknown unit \"\(unit)\" in duration \"\(text)\""
  }
}

extension KeepAlive: Codable {
  /// Only texts: the reference refuses numbers here.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    do {
      self = try KeepAlive(parsing: text)
    } catch {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(error)")
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

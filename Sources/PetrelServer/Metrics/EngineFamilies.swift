// SPDX-License-Identifier: Apache-2.0

/// Metrics of several engines in Prometheus' text format, put together: one head for each family, and labels that tell
/// whose each sample is.
struct EngineFamilies {
  /// How families are called.
  enum Names: Sendable {
    /// As Prometheus wants them: no colons, which are for recording rules, and `counter` only for what ends in `_total`.
    case clean
    /// As the engine has them.
    case original
  }

  private struct Family {
    var help = ""
    var kind = "untyped"
    var samples: [String] = []
  }

  private let names: Names
  private var order: [String] = []
  private var families: [String: Family] = [:]

  init(names: Names) { self.names = names }

  /// Adds one engine's text. Lines that are no metrics are left out.
  mutating func add(_ text: String, _ labels: MetricsText.Labels) {
    var current = ""
    for line in text.split(whereSeparator: \.isNewline) {
      if line.hasPrefix("# ") {
        let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard words.count >= 3, words[1] == "HELP" || words[1] == "TYPE", Self.isName(words[2]) else { continue }
        current = String(words[2])
        if families[current] == nil { order.append(current) }
        let rest = words.count > 3 ? String(words[3]) : ""
        if words[1] == "HELP" {
          families[current, default: Family()].help = rest
        } else {
          families[current, default: Family()].kind = rest
        }
      } else if let sample = relabelled(line, labels, of: &current) {
        families[current, default: Family()].samples.append(sample)
      }
    }
  }

  var text: String {
    var text = ""
    for name in order {
      guard let family = families[name], !family.samples.isEmpty else { continue }
      let shown = self.shown(name)
      // llama.cpp calls its largest sequence a counter, which it is not.
      let kind = names == .clean && family.kind == "counter" && !name.hasSuffix("_total") ? "gauge" : family.kind
      text += "# HELP \(shown) \(family.help.isEmpty ? "Of the engine." : family.help)\n# TYPE \(shown) \(kind)\n"
      text += family.samples.joined(separator: "\n") + "\n"
    }
    return text
  }

  /// `name{a="b"} 1` with more labels; nil when the line is no sample. A sample of an unknown family begins one.
  private mutating func relabelled(_ line: Substring, _ labels: MetricsText.Labels, of family: inout String) -> String?
  {
    let name = line.prefix { $0 != "{" && $0 != " " }
    guard Self.isName(name) else { return nil }
    var rest = line[name.endIndex...]
    var own: Substring = ""
    if rest.first == "{" {
      guard let end = rest.lastIndex(of: "}") else { return nil }
      own = rest[rest.index(after: rest.startIndex)..<end]
      rest = rest[rest.index(after: end)...]
    }
    let words = rest.split(separator: " ")
    guard let value = words.first, Double(value) != nil || ["NaN", "+Inf", "-Inf"].contains(value) else { return nil }
    if !Self.belongs(name, to: family) {
      family = String(name)
      if families[family] == nil { order.append(family) }
    }
    let all =
      own.isEmpty ? MetricsText.list(labels) : "\(own.last == "," ? own.dropLast() : own),\(MetricsText.list(labels))"
    return "\(shown(String(name))){\(all)} \(value)"
  }

  /// Histograms and summaries have samples under longer names than their own.
  private static func belongs(_ name: Substring, to family: String) -> Bool {
    guard name.hasPrefix(family), !family.isEmpty else { return false }
    return ["", "_bucket", "_sum", "_count"].contains(name.dropFirst(family.count))
  }

  private func shown(_ name: String) -> String {
    names == .original ? name : name.replacing(":", with: "_")
  }

  private static func isName(_ text: Substring) -> Bool {
    guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return text.utf8.allSatisfy {
      (0x30...0x3A).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "_")
    }
  }
}

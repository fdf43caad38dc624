// SPDX-License-Identifier: Apache-2.0

/// A transfer's progress as text.
package struct TransferLines: Sendable {
  package struct Words: Sendable {
    /// `Downloading`
    package let running: String
    /// `Pull complete`
    package let complete: String
    /// `Downloaded`
    package let done: String

    package init(running: String, complete: String, done: String) {
      self.running = running
      self.complete = complete
      self.done = done
    }
  }

  private static let statusColumns = 13
  private static let barColumns = 50
  /// ` 999.9MB/999.9MB`
  private static let numbersColumns = 16

  private let words: Words

  package init(words: Words) { self.words = words }

  /// One line for each part, and one for all. When there are more parts than rows, complete ones are left out first.
  package func board(_ progress: TransferProgress, size: TerminalDevice.Size) -> [String] {
    let room = max(1, size.rows - 3)
    var shown = progress.parts
    if shown.count > room { shown.removeAll(where: \.isComplete) }
    if shown.count > room { shown = Array(shown.prefix(room)) }
    let hidden = progress.parts.count - shown.count
    var lines = shown.map { part($0, columns: size.columns - 1) }
    lines.append(summary(progress) + (hidden > 0 ? "  (and \(hidden) more parts)" : ""))
    return lines.map { DisplayWidth.truncate(TerminalText.printable($0), to: size.columns - 1) }
  }

  /// `Downloaded 1.00MB of 256.35MB (12.30MB/s, 20s left)`
  package func plain(_ progress: TransferProgress) -> String {
    var line = "\(words.done) \(HumanUnits.bytes(progress.current)) of \(HumanUnits.bytes(progress.total))"
    let speed = self.speed(progress)
    if !speed.isEmpty { line += " (" + speed.joined(separator: ", ") + ")" }
    return line
  }

  private func part(_ part: TransferProgress.Part, columns: Int) -> String {
    let status = part.isComplete ? words.complete : part.current > 0 ? words.running : "Waiting"
    let fullHead = "\(part.label): \(padded(status, to: Self.statusColumns)) "
    // On a narrow terminal the numbers are worth more than the words.
    let head = fullHead.count + Self.numbersColumns <= columns ? fullHead : "\(part.label): "
    let current = HumanUnits.shortBytes(part.current)
    let numbers =
      String(repeating: " ", count: max(0, 8 - current.count)) + current
      + (part.size >= part.current ? "/" + HumanUnits.shortBytes(part.size) : "")
    // The bar must not change its width when the numbers do.
    let free = min(Self.barColumns, columns - head.count - Self.numbersColumns - 4)
    return head + (free >= 10 ? bar(part, columns: free) : "") + numbers
  }

  private func bar(_ part: TransferProgress.Part, columns: Int) -> String {
    let share = part.size > 0 ? min(1, Double(part.current) / Double(part.size)) : 0
    let filled = Int(share * Double(columns))
    return "[" + String(repeating: "=", count: filled) + ">" + String(repeating: " ", count: columns - filled) + "] "
  }

  private func summary(_ progress: TransferProgress) -> String {
    let amount = "\(HumanUnits.shortBytes(progress.current))/\(HumanUnits.shortBytes(progress.total))"
    return (["Total: \(amount)"] + speed(progress)).joined(separator: "  ")
  }

  private func speed(_ progress: TransferProgress) -> [String] {
    var facts: [String] = []
    if let rate = progress.rate { facts.append(HumanUnits.bytes(rate) + "/s") }
    if let seconds = progress.secondsLeft { facts.append(HumanUnits.remaining(seconds: seconds) + " left") }
    return facts
  }

  private func padded(_ text: String, to columns: Int) -> String {
    text + String(repeating: " ", count: max(0, columns - text.count))
  }
}

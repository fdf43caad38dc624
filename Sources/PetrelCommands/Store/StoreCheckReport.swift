// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelTerminal

/// What `fsck` says; encoded, it is what `fsck --json` prints.
struct StoreCheckReport: Encodable {
  struct Entry: Encodable {
    var problem: StoreProblem
    /// Whether it is repaired; absent when that was not asked for.
    var repaired: Bool?
    var outcome: String?
  }

  var problems: [Entry] = []
  var summary = StoreCheckSummary()

  mutating func add(_ line: StoreCheckLine) {
    guard let problem = line.problem else { return }
    if line.type == .problem {
      problems.append(Entry(problem: problem))
    } else if let place = problems.firstIndex(where: {
      $0.problem.kind == problem.kind && $0.problem.path == problem.path && $0.problem.message == problem.message
    }) {
      problems[place].repaired = line.type == .repaired
      problems[place].outcome = line.message
    }
  }

  static func text(of line: StoreCheckLine) -> String {
    guard let problem = line.problem else { return "" }
    let models = problem.models.isEmpty ? "" : " (\(problem.models.joined(separator: ", ")))"
    switch line.type {
    case .problem:
      let word = problem.isDamage ? "Damaged" : "Not needed"
      return "\(word): \(problem.kind) \(problem.path): \(problem.message)\(models)\n"
    case .repaired: return "Repaired: \(problem.path): \(line.message ?? "")\n"
    case .unrepaired: return "Not repaired: \(problem.path): \(line.message ?? "")\n"
    case .progress, .summary, .error: return ""
    }
  }

  /// The last line: what was read, what is wrong, what to do.
  func conclusion(repairs: Bool) -> String {
    let read = "\(summary.models) model(s), \(summary.files) file(s), \(HumanUnits.bytes(summary.bytes)): "
    let waste =
      summary.reclaimable > 0
      ? " \(HumanUnits.bytes(summary.reclaimable)) are not needed; `petrel prune` frees them." : ""
    if summary.damaged == 0 { return read + "no damage." + waste }
    if repairs { return read + "\(summary.damaged) problem(s), \(summary.repaired) repaired." + waste }
    return read + "\(summary.damaged) problem(s). `petrel fsck --repair` pulls again what is broken." + waste
  }
}

/// How far a check is: on a terminal a line that is written over, elsewhere a line for each tenth of the check, and one
/// a second of a pull.
struct CheckProgress {
  private static let redrawInterval = Duration.milliseconds(100)
  private static let plainInterval = Duration.seconds(1)

  let output: TextOutput
  private let uptime: @Sendable () -> Duration
  private var lastTenth: Int64 = -1
  private var lastMessage: String?
  private var lastShown: Duration?
  private var isShown = false

  init(output: TextOutput, uptime: @escaping @Sendable () -> Duration) {
    self.output = output
    self.uptime = uptime
  }

  mutating func show(_ line: StoreCheckLine) {
    let now = uptime()
    let interval = output.isTerminal ? Self.redrawInterval : Self.plainInterval
    let isNew = line.message != lastMessage
    lastMessage = line.message
    if !isNew, let lastShown, now - lastShown < interval { return }
    let checked = line.checked ?? 0
    let total = line.total ?? 0
    let amount = total > 0 ? "\(HumanUnits.bytes(checked)) of \(HumanUnits.bytes(total))" : ""
    let text = line.message.map { amount.isEmpty ? $0 : "\($0) (\(amount))" } ?? "Checked \(amount)"
    if output.isTerminal {
      clear()
      lastShown = now
      isShown = true
      try? output.write(TerminalText.printable(text))
      return
    }
    let tenth = total > 0 ? checked * 10 / total : 0
    if line.message == nil, tenth == lastTenth || total == 0 { return }
    lastTenth = tenth
    lastShown = now
    output.notice(text)
  }

  mutating func clear() {
    guard isShown else { return }
    isShown = false
    try? output.write("\r\u{1B}[K")
  }
}

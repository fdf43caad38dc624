// SPDX-License-Identifier: Apache-2.0

/// Shows a transfer: on a terminal as lines that change in place, elsewhere as a plain line now and then.
package struct TransferDisplay: Sendable {
  private static let redrawInterval = Duration.milliseconds(100)
  private static let plainInterval = Duration.seconds(1)

  private let output: TextOutput
  private let lines: TransferLines
  private var progress = TransferProgress()
  private var rowsOnScreen = 0
  private var lastShown: Duration?
  private var hasUnshownUpdate = false

  package init(output: TextOutput, words: TransferLines.Words) {
    self.output = output
    lines = TransferLines(words: words)
  }

  /// - Parameters:
  ///   - total: bytes of all parts; 0 when unknown.
  ///   - time: since any fixed moment.
  package mutating func update(
    id: String, label: String, current: Int64, size: Int64, total: Int64, at time: Duration
  ) {
    progress.update(id: id, label: label, current: current, size: size, total: total, at: time)
    hasUnshownUpdate = true
    let interval = output.isTerminal ? Self.redrawInterval : Self.plainInterval
    if let lastShown, time - lastShown < interval { return }
    lastShown = time
    show()
  }

  /// A line that stays, above the parts.
  package mutating func message(_ text: String) {
    erase()
    output.notice(TerminalText.printable(text))
    if output.isTerminal, !progress.parts.isEmpty { show() }
  }

  /// Shows the last update, if it was held back, and leaves the lines on the screen.
  package mutating func finish() {
    if hasUnshownUpdate { show() }
    rowsOnScreen = 0
  }

  private mutating func show() {
    hasUnshownUpdate = false
    guard output.isTerminal else {
      output.notice(lines.plain(progress))
      return
    }
    let board = lines.board(progress, size: output.size)
    let up = rowsOnScreen > 0 ? "\u{1B}[\(rowsOnScreen)A" : ""
    try? output.write(up + board.map { "\r\u{1B}[2K\($0)\n" }.joined() + "\u{1B}[J")
    rowsOnScreen = board.count
  }

  private mutating func erase() {
    if rowsOnScreen > 0 { try? output.write("\u{1B}[\(rowsOnScreen)A\r\u{1B}[J") }
    rowsOnScreen = 0
  }
}

// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// A stream for text: standard output, standard error or a test's recorder. Nothing is buffered.
package struct TextOutput: Sendable {
  package let isTerminal: Bool
  /// Whether colours and faces are welcome.
  package let isStyled: Bool
  private let currentSize: @Sendable () -> TerminalDevice.Size?
  private let sink: @Sendable (String) throws(TerminalError) -> Void

  package init(
    isTerminal: Bool, isStyled: Bool, size: @escaping @Sendable () -> TerminalDevice.Size?,
    sink: @escaping @Sendable (String) throws(TerminalError) -> Void
  ) {
    self.isTerminal = isTerminal
    self.isStyled = isStyled
    currentSize = size
    self.sink = sink
  }

  /// - Parameter environment: `NO_COLOR` (any value) and `TERM=dumb` turn styles off.
  package init(_ descriptor: FileDescriptor, environment: [String: String]) {
    let device = TerminalDevice(descriptor)
    let isTerminal = device.isTerminal
    let wantsColor = (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    self.init(isTerminal: isTerminal, isStyled: isTerminal && wantsColor, size: { device.size }) {
      text throws(TerminalError) in
      do {
        try descriptor.writeAll(text.utf8)
      } catch Errno.brokenPipe {
        throw TerminalError(.closedPipe, "the reader of the output has gone")
      } catch {
        throw TerminalError(.outputFailed, "cannot write output: \(error)")
      }
    }
  }

  /// 80×24 when unknown.
  package var size: TerminalDevice.Size { currentSize() ?? TerminalDevice.Size(columns: 80, rows: 24) }

  package func write(_ text: String) throws(TerminalError) {
    guard !text.isEmpty else { return }
    try sink(text)
  }

  package func line(_ text: String = "") throws(TerminalError) { try write(text + "\n") }

  /// For notices: a failure to show one is no reason to fail.
  package func notice(_ text: String) { try? line(text) }

  package func styled(_ text: String, _ style: TextStyle) -> String {
    isStyled && !text.isEmpty ? style.rawValue + text + "\u{1B}[0m" : text
  }
}

/// ANSI escape sequences that begin a style.
package enum TextStyle: String, Sendable {
  case bold = "\u{1B}[1m"
  case italic = "\u{1B}[3m"
  case gray = "\u{1B}[90m"
  case placeholder = "\u{1B}[38;5;245m"
}

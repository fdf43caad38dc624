// SPDX-License-Identifier: Apache-2.0

import PetrelTerminal
import Synchronization

/// Says on a terminal what is waited for when nothing has come for a while: the model loads, or other requests go first.
/// The line goes when something comes.
final class WaitingLine: Sendable {
  private enum Phase {
    case hidden, shown, over
  }

  private static let delay = Duration.seconds(1)

  private let text: String
  private let output: TextOutput
  private let phase = Mutex(Phase.hidden)

  private init(_ text: String, on output: TextOutput) {
    self.text = text
    self.output = output
  }

  /// - Parameter body: calls ``erase()`` with the first sign of life. Its end erases the line too.
  static func during<Value>(
    _ model: String, _ context: CommandContext, _ body: (WaitingLine) async throws -> Value
  ) async throws -> Value {
    let line = WaitingLine("Waiting for \(model), which is loading or busy ...", on: context.errors)
    defer { line.erase() }
    guard context.errors.isTerminal else { return try await body(line) }
    // Ends when it has shown the line, or is cancelled with this scope.
    async let _: Void? = try? line.show(by: context.clock)
    return try await body(line)
  }

  func erase() {
    phase.withLock { phase in
      if phase == .shown { try? output.write("\r\u{1B}[K") }
      phase = .over
    }
  }

  private func show(by clock: CommandClock) async throws {
    try await clock.sleep(Self.delay)
    phase.withLock { phase in
      guard phase == .hidden, !Task.isCancelled else { return }
      phase = .shown
      try? output.write(DisplayWidth.truncate(TerminalText.printable(text), to: output.size.columns - 1))
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelClient
import PetrelTerminal

/// Shows an answer as it is generated. Standard output gets the answer alone when it is not a terminal.
struct AnswerPrinter {
  private enum Section {
    case none, reasoning, content
  }

  private let output: TextOutput
  private let errors: TextOutput
  private let isStyled: Bool
  private var section = Section.none
  private var usage: ChatUsage?
  private var endsWithNewline = true
  private(set) var answer = ""

  init(output: TextOutput, errors: TextOutput, isStyled: Bool) {
    self.output = output
    self.errors = errors
    self.isStyled = isStyled
  }

  mutating func show(_ event: ChatEvent) throws {
    switch event {
    case .reasoning(let text):
      switch section {
      case .none: showReasoning("Thinking:\n")
      case .content: showReasoning("\n\nThinking:\n")
      case .reasoning: break
      }
      section = .reasoning
      let safe = TerminalText.printable(text, keepingLayout: true)
      showReasoning(isStyled ? reasoningOutput.styled(safe, .italic) : safe)
    case .content(let text):
      if section == .reasoning { showReasoning("\n\n--\n\n") }
      section = .content
      answer += text
      endsWithNewline = text.hasSuffix("\n")
      try output.write(output.isTerminal ? TerminalText.printable(text, keepingLayout: true) : text)
    case .usage(let usage):
      self.usage = usage
    }
  }

  /// Ends the answer's last line and tells what it took, if somebody is looking.
  mutating func finish() throws {
    if section == .reasoning, !output.isTerminal { showReasoning("\n") }
    if !endsWithNewline || output.isTerminal { try output.write("\n") }
    guard let usage, errors.isTerminal else { return }
    let line =
      "Token usage: \(usage.promptTokens) prompt + \(usage.completionTokens) completion = \(usage.totalTokens) total"
    errors.notice("\n" + (isStyled ? errors.styled(line, .gray) : line))
  }

  private var reasoningOutput: TextOutput { output.isTerminal ? output : errors }

  private func showReasoning(_ text: String) { try? reasoningOutput.write(text) }
}

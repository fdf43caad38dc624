// SPDX-License-Identifier: Apache-2.0

import PetrelClient
import PetrelTerminal
import SystemPackage

/// A chat on the terminal.
struct ChatLoop {
  private static let help = """
    Available commands:
      /bye, /exit          leave
      /clear               forget what was said
      /set system <text>   set the system message; without text, clear it
      /?, /help            this help

    Use \"\"\" to begin and to end a message of several lines.
    Keys: arrows, Home, End, Ctrl+a/e/b/f move; Alt+b/f by words; Ctrl+k/u/w delete; Ctrl+l clears the screen;
    Ctrl+c stops an answer; Ctrl+d leaves.
    """

  let model: String
  let client: DaemonClient
  let context: CommandContext
  let isStyled: Bool

  func run() async throws {
    var history = PromptHistory(
      file: context.variable("DOCKER_MODEL_NOHISTORY") == nil ? context.petrelHome.appending("history") : nil)
    // The editor needs a terminal to draw on.
    let screen = context.output.isTerminal ? context.output : context.errors
    var reader = LineReader(input: context.input, output: screen, mode: context.terminalMode)
    var conversation = ChatConversation()

    // The model loads while the user is typing. If it cannot, the first question says why;
    // leaving the chat cancels it.
    async let _: Void? = try? client.preload(model: model)
    while true {
      let line: String
      switch try await read(with: &reader, history: history.entries, isContinued: false) {
      case .line(let text): line = text
      case .interrupted: continue
      case .ended: return
      }
      switch ChatInput(line: line) {
      case .empty: continue
      case .leave: return
      case .help: context.errors.notice(Self.help)
      case .clear:
        conversation.clear()
        context.errors.notice("Cleared the conversation.")
      case .setSystem(let text):
        conversation.system = text
        context.errors.notice(text == nil ? "Cleared system message." : "Set system message.")
      case .setHelp(let unknown):
        if let unknown { context.errors.notice("Unknown /set option: \(unknown)") }
        context.errors.notice("Usage: /set system <text>")
      case .unknownCommand(let name):
        context.errors.notice("Unknown command '\(name)'. Type /? for help")
      case .message(let question):
        history.add(question)
        try await take(question, &conversation)
      case .multiline(let first):
        guard let question = try await readMultiline(first, with: &reader) else { continue }
        history.add(question)
        try await take(question, &conversation)
      }
    }
  }

  private func read(
    with reader: inout LineReader, history: [String], isContinued: Bool
  ) async throws -> LineReader.Result {
    let result = try await reader.read(
      prompt: isContinued ? ". " : "> ", continuation: ". ",
      placeholder: isContinued ? "Use \"\"\" to end multi-line input" : "Send a message (/? for help)", history: history
    )
    if result == .interrupted { context.errors.notice("Use Ctrl + d or /bye to exit.") }
    return result
  }

  /// Nil when the user gave it up.
  private func readMultiline(_ first: String, with reader: inout LineReader) async throws -> String? {
    var lines = first.isEmpty ? [] : [first]
    while case .line(let line) = try await read(with: &reader, history: [], isContinued: true) {
      if let last = ChatInput.closing(line) {
        if !last.isEmpty { lines.append(last) }
        return lines.isEmpty ? nil : lines.joined(separator: "\n")
      }
      lines.append(line)
    }
    return nil
  }

  /// One turn. A turn that fails or is stopped is shown and forgotten.
  private func take(_ question: String, _ conversation: inout ChatConversation) async throws {
    do {
      let answer = try await answer(conversation.messages(asking: question))
      conversation.add(question: question, answer: answer)
      context.errors.notice("")
    } catch is CancellationError {
      try Task.checkCancellation()
      context.errors.notice("")
    } catch let error as ClientError {
      let message = TerminalText.printable("Failed to generate a response: \(error)", keepingLayout: true)
      context.errors.notice("\n" + message)
    }
  }

  private func answer(_ messages: [ChatMessage]) async throws -> String {
    // A task of its own, so that Ctrl+C ends the answer and not the program. Awaited right below.
    let task = Task {
      var printer = AnswerPrinter(output: context.output, errors: context.errors, isStyled: isStyled)
      try await WaitingLine.during(model, context) { waiting in
        try await client.chat(model: model, messages: messages) { event in
          waiting.erase()
          try printer.show(event)
        }
      }
      try printer.finish()
      return printer.answer
    }
    return try await context.interrupts.withHandler({ task.cancel() }) {
      try await withTaskCancellationHandler {
        try await task.value
      } onCancel: {
        task.cancel()
      }
    }
  }
}

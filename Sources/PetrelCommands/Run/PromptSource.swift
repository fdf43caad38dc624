// SPDX-License-Identifier: Apache-2.0

import PetrelTerminal

/// Where the prompt of `run` comes from: words on the command line, standard input, or both.
enum PromptSource {
  /// After this time without input the user is told what is waited for.
  private static let noticeDelay = Duration.seconds(2)
  /// The API takes no longer requests.
  private static let maximumBytes = 10 << 20

  /// The prompt, or nil when the user is to be asked on the terminal. Standard input is read to its end unless it is a
  /// terminal or `/dev/null`.
  static func prompt(words: [String], context: CommandContext) async throws -> String? {
    let typed = words.joined(separator: " ")
    guard context.input.isRedirected else {
      if !typed.isEmpty { return typed }
      if context.input.isTerminal { return nil }
      throw noPrompt
    }
    if !typed.isEmpty, !(await context.input.isReadable(within: noticeDelay)) {
      context.errors.notice("Waiting for standard input, which belongs to the prompt (</dev/null if it does not) ...")
    }
    let piped = try await context.input.readAll(limit: maximumBytes)
    let parts = [typed, piped].filter { !$0.allSatisfy(\.isWhitespace) }
    guard !parts.isEmpty else { throw noPrompt }
    return parts.joined(separator: "\n\n")
  }

  private static var noPrompt: CommandError {
    CommandError(
      .noPrompt,
      "there is no prompt: write it after the model, pipe it in, or run the command on a terminal for a chat")
  }
}

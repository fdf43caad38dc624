// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelTerminal

/// A question that must be answered with `y` or `yes` before something is lost. All of the dialogue is on standard error:
/// standard output has results only.
enum Confirmation {
  private static let maximumBytes = 4096

  /// Returns when the answer on standard input is yes. The words are those that scripts know from Docker Model Runner.
  ///
  /// - Throws: `ExitCode` when it is another, which has been said then; ``CommandError`` when there is none.
  static func require(_ context: CommandContext) async throws {
    try context.errors.write("Are you sure you want to continue? [y/N] ")
    var answer: [UInt8] = []
    while !answer.contains(UInt8(ascii: "\n")), answer.count < maximumBytes {
      let piece = try await context.input.read(upTo: 1024)
      if piece.isEmpty {
        guard !answer.isEmpty else {
          throw CommandError(.usage, "EOF: nobody answered; use --force to go on without being asked")
        }
        break
      }
      answer += piece
    }
    let text = String(decoding: answer.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    let words = text.split(whereSeparator: \.isWhitespace)
    guard words.count < 2 else { throw CommandError(.usage, "expected newline") }
    if ["y", "yes"].contains(words.first?.lowercased()) { return }
    context.errors.notice("Operation cancelled.")
    throw ExitCode.failure
  }
}

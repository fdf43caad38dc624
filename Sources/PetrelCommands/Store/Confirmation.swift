// SPDX-License-Identifier: Apache-2.0

import PetrelTerminal

/// A question that must be answered with `y` before something is lost.
enum Confirmation {
  private static let maximumBytes = 4096

  /// Whether the answer on standard input is yes. The words are those that scripts know from Docker Model Runner.
  static func ask(_ context: CommandContext) async throws -> Bool {
    try context.output.write("Are you sure you want to continue? [y/N] ")
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
    if words.first?.lowercased() == "y" { return true }
    try context.output.line("Operation cancelled.")
    return false
  }
}

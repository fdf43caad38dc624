// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelTerminal
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The environment of this process; read here and nowhere else.
enum ProcessEnvironment {
  static var current: [String: String] { ProcessInfo.processInfo.environment }
}

/// The program behind `petrel` and `docker-model`.
package enum PetrelProgram {
  /// Statuses of the process.
  private enum Status {
    static let success: Int32 = 0
    static let failure: Int32 = 1
    /// 128 and the number of the signal, as shells report it.
    static let interrupted: Int32 = 130
    static let brokenPipe: Int32 = 141
    static let terminated: Int32 = 143
  }

  /// Runs one command to its end.
  ///
  /// - Parameter arguments: with the program's own name first.
  /// - Returns: the status to exit with. Errors have been shown.
  package static func run(arguments: [String]) async -> Int32 {
    let invocation = Invocation(arguments: arguments, environment: ProcessEnvironment.current)
    return await run(invocation, .live(environment: invocation.environment))
  }

  static func run(_ invocation: Invocation, _ context: CommandContext) async -> Int32 {
    await ProgramName.$current.withValue(invocation.programName) {
      do {
        if invocation.isMetadataProbe {
          try context.output.write(PluginMetadata().rendered())
        } else {
          try await perform(invocation, context)
        }
        return Status.success
      } catch {
        return report(error, context)
      }
    }
  }

  private static func perform(_ invocation: Invocation, _ context: CommandContext) async throws {
    try requireKnownCommand(invocation.words)
    var command: any ParsableCommand
    let words = try FlagValues.normalized(invocation.words)
    do {
      command = try PetrelCommand.parseAsRoot(words)
      guard let subcommand = command as? any PetrelSubcommand else {
        // The root or `help`: both answer with the help text, as an error that is a success.
        try command.run()
        return
      }
      command = subcommand
    } catch {
      throw ParsingOutcome(
        text: PetrelCommand.fullMessage(for: error), isSuccess: PetrelCommand.exitCode(for: error).isSuccess)
    }
    if let subcommand = command as? any PetrelSubcommand { try await supervise(subcommand, context) }
  }

  /// The parser's own message for a word that is no command says nothing of commands.
  private static func requireKnownCommand(_ words: [String]) throws {
    let words = words.first == "help" ? words.dropFirst() : words[...]
    guard let word = words.first, !word.hasPrefix("-") else { return }
    let known = PetrelCommand.commandNames
    guard !known.contains(word), word != "help" else { return }
    let guess =
      (PetrelCommand.otherNames[word] ?? Spelling.closest(to: word, among: known)).map { " Did you mean \"\($0)\"?" }
      ?? ""
    throw CommandError(
      .unknownCommand,
      "unknown command \"\(word)\".\(guess) See '\(ProgramName.current) --help' for the commands there are.")
  }

  /// Runs the command until it ends or a signal cancels it; a second signal ends the process at once.
  private static func supervise(_ command: any PetrelSubcommand, _ context: CommandContext) async throws {
    guard !command.modelNames.contains(where: { $0.allSatisfy(\.isWhitespace) }) else {
      throw CommandError(
        .usage, "a model's name is missing; `\(ProgramName.current) list` shows the models that are here")
    }
    guard !type(of: command).handlesSignals else {
      try await command.run(context)
      return
    }
    // Awaited right below; a task of its own because only a task can be cancelled from outside.
    let task = Task { try await command.run(context) }
    let cancel = CancelOnce(task: task, terminalMode: context.terminalMode, status: Status.interrupted)
    let watch = SignalWatch(context.interrupts)
    let plugin = context.variable(Invocation.socketVariable).flatMap {
      PluginConnection(socket: $0) { context.interrupts.interrupt() }
    }
    defer { withExtendedLifetime((watch, plugin)) {} }
    try await context.interrupts.withHandler({ cancel() }) { try await task.value }
  }

  private static func report(_ error: any Error, _ context: CommandContext) -> Int32 {
    switch error {
    case let outcome as ParsingOutcome:
      if outcome.isSuccess {
        try? context.output.line(outcome.text)
        return Status.success
      }
      context.errors.notice(outcome.text)
      return Status.failure
    case is CancellationError:
      return context.interrupts.isTerminated ? Status.terminated : Status.interrupted
    case let error as TerminalError where error.code == .closedPipe:
      return Status.brokenPipe
    case let code as ExitCode:
      return code.rawValue
    default:
      context.errors.notice("Error: " + TerminalText.printable("\(error)", keepingLayout: true))
      return Status.failure
    }
  }
}

/// What the argument parser wants to be shown: help, a version or a mistake.
private struct ParsingOutcome: Error {
  let text: String
  let isSuccess: Bool
}

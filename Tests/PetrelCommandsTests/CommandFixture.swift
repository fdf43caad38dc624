// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelTerminal
import Synchronization
import SystemPackage

@testable import PetrelCommands

/// A folder of its own, a context that touches nothing else, and a record of what was written.
final class CommandFixture: Sendable {
  private struct State {
    var output = ""
    var errors = ""
    var slept: [Duration] = []
    var uptime = Duration.zero
    var launches: [DaemonLaunch] = []
  }

  struct ExitedProcess: BackgroundProcess {
    let pid: Int32 = 4711
    let description: String?

    func exitDescription() -> String? { description }
  }

  let folder: FilePath
  private let state = Mutex(State())

  init() throws {
    let name = "petrel-commands-\(UUID().uuidString.prefix(8))"
    folder = FilePath(FileManager.default.temporaryDirectory.appending(path: name).path)
    try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder.string) }

  var output: String { state.withLock(\.output) }
  var errors: String { state.withLock(\.errors) }
  var slept: [Duration] { state.withLock(\.slept) }
  var launches: [DaemonLaunch] { state.withLock(\.launches) }

  /// - Parameters:
  ///   - input: what is piped in; nil for `/dev/null`.
  ///   - typing: what is typed on a terminal, piece by piece; nil when there is none.
  ///   - launch: called for the start of a daemon; by default the process ends at once.
  func context(
    environment: [String: String] = [:], input: String? = nil, typing: [String]? = nil, isTerminal: Bool = false,
    launch: (@Sendable (DaemonLaunch) throws -> any BackgroundProcess)? = nil
  ) -> CommandContext {
    let pieces = Pieces(typing ?? input.map { [$0] } ?? [])
    return CommandContext(
      output: recorder(isTerminal: isTerminal) { text in self.state.withLock { $0.output += text } },
      errors: recorder(isTerminal: isTerminal) { text in self.state.withLock { $0.errors += text } },
      input: TextInput(isTerminal: typing != nil, isRedirected: input != nil) { _ in
        true
      } reader: { _ in
        Array(pieces.next().utf8)
      },
      terminalMode: TerminalModeSwitch(makeRaw: { nil }, restore: { _ in }),
      environment: environment.merging(["HOME": folder.string]) { given, _ in given },
      workingDirectory: folder,
      clock: CommandClock(
        now: { 1_800_000_000 }, uptime: { self.state.withLock(\.uptime) },
        sleep: { duration in
          self.state.withLock {
            $0.slept.append(duration)
            $0.uptime += duration
          }
        }),
      interrupts: Interrupts(),
      launchDaemon: { launchRequest in
        self.state.withLock { $0.launches.append(launchRequest) }
        return try launch?(launchRequest) ?? ExitedProcess(description: "exit status 3")
      })
  }

  /// Runs the program with the given words after its name.
  func run(_ words: [String], _ context: CommandContext) async -> Int32 {
    await PetrelProgram.run(Invocation(arguments: ["petrel"] + words, environment: context.environment), context)
  }

  private func recorder(isTerminal: Bool, _ keep: @escaping @Sendable (String) -> Void) -> TextOutput {
    TextOutput(isTerminal: isTerminal, isStyled: false, size: { nil }) { text throws(TerminalError) in keep(text) }
  }
}

private final class Pieces: Sendable {
  private let rest: Mutex<[String]>

  init(_ pieces: [String]) { rest = Mutex(pieces) }

  /// Empty at the end.
  func next() -> String { rest.withLock { $0.isEmpty ? "" : $0.removeFirst() } }
}

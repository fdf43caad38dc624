// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelClient
import PetrelDaemon
import PetrelTerminal
import PetrelWire
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// All that a command may use of the world around it. Made once by the program, or by a test.
struct CommandContext: Sendable {
  /// For what was asked for.
  var output: TextOutput
  /// For progress, notices and errors.
  var errors: TextOutput
  var input: TextInput
  var terminalMode: TerminalModeSwitch
  var environment: [String: String]
  var workingDirectory: FilePath
  var clock: CommandClock
  var interrupts: Interrupts
  /// Starts a daemon in the background.
  var launchDaemon: @Sendable (DaemonLaunch) throws -> any BackgroundProcess

  static func live(environment: [String: String]) -> CommandContext {
    CommandContext(
      output: TextOutput(.standardOutput, environment: environment),
      errors: TextOutput(.standardError, environment: environment),
      input: TextInput(.standardInput),
      terminalMode: TerminalModeSwitch(TerminalDevice(.standardInput)),
      environment: environment,
      workingDirectory: FilePath(FileManager.default.currentDirectoryPath),
      clock: .system,
      interrupts: Interrupts(),
      launchDaemon: { try DetachedProcess(launching: $0) })
  }

  /// The variable's value, unless it is missing or empty.
  func variable(_ name: String) -> String? {
    environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// `path` as the user typed it, made absolute.
  func resolve(_ path: String) -> FilePath {
    workingDirectory.pushing(FilePath(path)).lexicallyNormalized()
  }

  var petrelHome: FilePath {
    if let home = variable("PETREL_HOME") {
      return UserPath.absolute(home, userHome: userHome, workingDirectory: workingDirectory).lexicallyNormalized()
    }
    return userHome.appending(".petrel")
  }

  var userHome: FilePath { resolve(variable("HOME") ?? FileManager.default.homeDirectoryForCurrentUser.path) }

  var names: ModelNames { ModelNames(defaultRegistry: variable("DEFAULT_REGISTRY")) }

  /// Pretty JSON for programs and people, on standard output.
  func printJSON(_ value: some Encodable) throws {
    try output.line(try CanonicalJSONEncoder().node(for: value).pretty())
  }

  var userAgent: String {
    let own = "petrel-cli/\(PetrelVersion.current)"
    return variable("USER_AGENT").map { own + " " + $0 } ?? own
  }
}

/// Time, so that tests need not wait.
struct CommandClock: Sendable {
  /// Seconds since 1970.
  var now: @Sendable () -> Double
  /// Since any fixed moment.
  var uptime: @Sendable () -> Duration
  var sleep: @Sendable (Duration) async throws -> Void

  static let system: CommandClock = {
    let start = ContinuousClock.now
    return CommandClock(
      now: { Date().timeIntervalSince1970 }, uptime: { ContinuousClock.now - start },
      sleep: { try await Task.sleep(for: $0) })
  }()
}

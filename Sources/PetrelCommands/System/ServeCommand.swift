// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Logging
import PetrelDaemon
import PetrelTerminal
import SystemPackage

struct ServeCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Run the daemon in the foreground.",
    discussion: """
      It listens on TCP and on a Unix socket at the same time, and ends in order on SIGTERM or Ctrl+C. Flags win over \
      the environment, the environment over config.yaml in PETREL_HOME; `config show` tells what holds.
      """)

  static var handlesSignals: Bool { true }

  @OptionGroup var options: DaemonOptions

  func run(_ context: CommandContext) async throws {
    let configuration = try context.daemonConfiguration(flags: options.flags)
    let level = configuration.logLevel
    let file = ServiceLogHandler(directory: configuration.logDirectory, level: level)
    let output = context.environment[TrimmingLogHandler.variable].map { FilePath($0) }
    LoggingSystem.bootstrap { label in
      var handler: any LogHandler = StreamLogHandler.standardError(label: label)
      if let output { handler = TrimmingLogHandler(handler, file: output) }
      handler.logLevel = level
      return MultiplexLogHandler([handler, file])
    }
    let daemon = Daemon(configuration, logger: Logger(label: "petrel"))
    let (stops, stop) = AsyncStream.makeStream(of: Void.self)
    let watch = SignalWatch(context.interrupts)
    defer { withExtendedLifetime(watch) {} }
    try await context.interrupts.withHandler({ stop.yield() }) {
      try await daemon.run { addresses in
        for address in addresses { context.errors.notice("Listening on \(address)") }
      } until: {
        for await _ in stops { return }
      }
    }
  }
}

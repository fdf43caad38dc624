// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelDaemon
import PetrelEngines
import PetrelTerminal

struct RPCWorkerCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "rpc-worker", abstract: "Lend this machine to models that run on another one.",
    discussion: """
      Runs llama.cpp's RPC worker in the foreground, until Ctrl+C. The other machine uses it after \
      `petrel configure --rpc HOST:PORT MODEL`. The protocol has no passwords and no encryption: whoever reaches the \
      port may use it, so let it listen on networks only where everybody is trusted.
      """)

  static var handlesSignals: Bool { true }

  @Option(help: "The address to listen on.")
  var host = "127.0.0.1"

  @Option(help: "The port to listen on.")
  var port = RPCWorker.defaultPort

  @Option(help: "Threads to compute with. (default: the worker's own choice)")
  var threads: Int?

  func validate() throws {
    guard RPCAddress.isHost(host) else {
      throw ValidationError("--host is \"\(host)\", but it must be a name or an IPv4 address")
    }
    guard port > 0 else { throw ValidationError("--port is 0, but it must be from 1 to 65535") }
    guard threads.map({ (1...1024).contains($0) }) != false else {
      throw ValidationError("--threads is \(threads ?? 0), but it must be from 1 to 1024")
    }
  }

  func run(_ context: CommandContext) async throws {
    let configuration = try context.daemonConfiguration()
    let engine = LlamaCpp(home: context.petrelHome, environment: configuration.environment)
    let sandbox = Sandbox(mode: configuration.sandbox, environment: configuration.environment)
    let worker = RPCWorker(engine: engine, sandbox: sandbox)
    let errors = context.errors
    errors.notice("Working for \(host):\(port), \(await sandbox.state)")
    if !Self.isLoopback(host) {
      errors.notice(
        "Warning: whoever reaches \(host):\(port) may use this machine; the protocol has no authentication")
    }
    let (stops, stop) = AsyncStream.makeStream(of: Void.self)
    let watch = SignalWatch(context.interrupts)
    defer { withExtendedLifetime(watch) {} }
    let lastWords = try await context.interrupts.withHandler({ stop.yield() }) {
      try await worker.run(host: host, port: port, threads: threads) { bytes in
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
          errors.notice(String(line))
        }
      } until: {
        for await _ in stops { return }
      }
    }
    guard let lastWords else { return }
    throw CommandError(.workerEnded, "the worker has ended by itself: \(lastWords)")
  }

  private static func isLoopback(_ host: String) -> Bool { host == "localhost" || host.hasPrefix("127.") }
}

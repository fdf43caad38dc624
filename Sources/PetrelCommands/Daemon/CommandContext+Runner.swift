// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelClient
import PetrelDaemon
import PetrelTerminal

extension CommandContext {
  /// Beyond what the daemon's own configuration gives running answers.
  private static let stopMargin = Duration.seconds(30)
  private static let stopPoll = Duration.milliseconds(50)

  /// Starts this machine's daemon unless it runs.
  ///
  /// - Returns: false when it was running already.
  func startRunner(_ arguments: [String]) async throws -> Bool {
    let (socket, tcp) = try localEndpoints()
    if let client = await firstAnswering([socket, tcp]) {
      await client.close()
      return false
    }
    let client = try await DaemonLauncher(
      context: self, endpoints: [socket, tcp], isQuiet: false, arguments: arguments
    ).start()
    await client.close()
    return true
  }

  /// Stops this machine's daemon and waits for its end.
  ///
  /// - Returns: false when none was running.
  func stopRunner() async throws -> Bool {
    _ = try localEndpoints()
    guard let process = DaemonProcess.find(home: petrelHome) else { return false }
    process.terminate()
    let deadline = clock.uptime() + (try daemonConfiguration().shutdownGrace) + Self.stopMargin
    while process.isRunning {
      guard clock.uptime() < deadline else {
        throw CommandError(
          .daemonNotStarted, "the petrel daemon (pid \(process.pid)) has not ended yet; look into its log, or kill it")
      }
      try await clock.sleep(Self.stopPoll)
    }
    errors.notice("Stopped the petrel daemon (pid \(process.pid))")
    return true
  }

  func removeAllModels() async throws {
    try await withDaemon { client in
      _ = try await client.unload(.init(all: true))
      try await client.removeAllModels()
    }
    errors.notice("Removed all models")
  }

  private func localEndpoints() throws -> (socket: DaemonEndpoint, tcp: DaemonEndpoint) {
    switch try DaemonTarget(self) {
    case .local(let socket, let tcp): return (socket, tcp)
    case .given(let endpoint):
      throw CommandError(
        .usage,
        "MODEL_RUNNER_HOST names the daemon at \(endpoint), which is not this command's to start or stop; unset it")
    }
  }
}

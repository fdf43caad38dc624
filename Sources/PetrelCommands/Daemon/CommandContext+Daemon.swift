// SPDX-License-Identifier: Apache-2.0

import PetrelClient
import PetrelDaemon
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension CommandContext {
  /// How long an address may take to answer before it counts as dead.
  private static let probeLimit = Duration.seconds(15)

  /// Calls `body` with a client of the daemon, which is started in the background if there is none.
  ///
  /// - Parameter quietly: whether to say nothing of a start, for commands whose output programs read.
  func withDaemon<Value>(quietly: Bool = false, _ body: (DaemonClient) async throws -> Value) async throws -> Value {
    let client =
      switch try DaemonTarget(self) {
      case .given(let endpoint): makeClient(endpoint)
      case .local(let socket, let tcp): try await localDaemon(socket: socket, tcp: tcp, quietly: quietly)
      }
    return try await closing(client, body)
  }

  /// Calls `body` with a client of the daemon, or with nil when none is running.
  func withRunningDaemon<Value>(_ body: (DaemonClient?) async throws -> Value) async throws -> Value {
    let endpoints =
      switch try DaemonTarget(self) {
      case .given(let endpoint): [endpoint]
      case .local(let socket, let tcp): [socket, tcp]
      }
    guard let client = await firstAnswering(endpoints) else { return try await body(nil) }
    return try await closing(client, body)
  }

  /// A client of the first endpoint that answers.
  func firstAnswering(_ endpoints: [DaemonEndpoint]) async -> DaemonClient? {
    for endpoint in endpoints {
      let client = makeClient(endpoint)
      if await client.isAnswering(within: Self.probeLimit) { return client }
      await client.close()
    }
    return nil
  }

  /// Whether commands may start a daemon in the background.
  var mayStartDaemon: Bool {
    variable("MODEL_RUNNER_NO_AUTO_INSTALL") == nil && variable("PETREL_NO_AUTOSTART") == nil
  }

  private func localDaemon(
    socket: DaemonEndpoint, tcp: DaemonEndpoint, quietly: Bool
  ) async throws -> DaemonClient {
    if let client = await firstAnswering([socket, tcp]) { return client }
    guard mayStartDaemon else {
      throw ClientError(
        .notRunning,
        "the petrel daemon is not running (nothing answers at \(socket) or \(tcp)); start it with `petrel serve`")
    }
    return try await DaemonLauncher(context: self, endpoints: [socket, tcp], isQuiet: quietly).start()
  }

  private func makeClient(_ endpoint: DaemonEndpoint) -> DaemonClient {
    DaemonClient(endpoint: endpoint, userAgent: userAgent, trust: trust, apiKey: apiKey)
  }

  /// The key for daemons that want one: of the environment, or of the configuration.
  private var apiKey: String? { variable("PETREL_API_KEY") ?? (try? daemonConfiguration())?.apiKey }

  /// The authority that `MODEL_RUNNER_TLS_CA_CERT` names, or else those of local daemons, beside the system's.
  private var trust: DaemonTrust {
    let verifies = variable("MODEL_RUNNER_TLS_SKIP_VERIFY") != "true"
    if let file = variable("MODEL_RUNNER_TLS_CA_CERT") {
      return DaemonTrust(authorityFiles: [resolve(file).string], verifies: verifies)
    }
    let local = [petrelHome.appending("certs/ca.crt"), userHome.appending(".docker/model-runner/certs/ca.crt")]
    return DaemonTrust(
      authorityFiles: local.map(\.string).filter { FileManager.default.isReadableFile(atPath: $0) }, verifies: verifies)
  }

  private func closing<Value>(
    _ client: DaemonClient, _ body: (DaemonClient) async throws -> Value
  ) async throws -> Value {
    do {
      let value = try await body(client)
      await client.close()
      return value
    } catch {
      await client.close()
      throw error
    }
  }
}

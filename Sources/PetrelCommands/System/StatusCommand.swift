// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelClient
import PetrelTerminal
import PetrelWire

struct StatusCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show whether the daemon runs and which backends it has.",
    discussion: "Never starts the daemon. The exit status is 1 when it does not run, but 0 with --json.")

  @Flag(help: "Print a JSON object.")
  var json = false

  func run(_ context: CommandContext) async throws {
    let target = try DaemonTarget(context)
    let backends = try await context.withRunningDaemon { try await $0?.engineStatus() }
    if json {
      let report = StatusReport(target: target, backends: backends)
      try context.output.line(try CanonicalJSONEncoder().encode(report))
    } else if let backends {
      try context.output.line("Docker Model Runner is running\n")
      try context.output.write(BackendListing(backends).rendered())
    } else {
      try context.output.line("Docker Model Runner is not running")
      context.errors.notice(Self.advice(target, context))
      throw ExitCode.failure
    }
  }

  /// What to do where none runs.
  private static func advice(_ target: DaemonTarget, _ context: CommandContext) -> String {
    switch target {
    case .given(let endpoint) where endpoint.isLocal:
      "Nothing answers at \(endpoint). Start the daemon with `petrel serve`; no command starts one there."
    case .given(let endpoint):
      "Nothing answers at \(endpoint). Start the daemon there, or correct MODEL_RUNNER_HOST."
    case .local where !context.mayStartDaemon:
      "Start the daemon with `petrel serve`; commands must not start it (PETREL_NO_AUTOSTART)."
    case .local:
      "Start the daemon with `petrel serve`; commands that need it start it themselves."
    }
  }
}

/// What `status --json` prints. Docker Compose reads `endpoint`.
private struct StatusReport: Encodable {
  let running: Bool
  let backends: [String: String]?
  let kind: String
  /// For containers.
  let endpoint: String
  /// For programs on this machine.
  let endpointHost: String

  init(target: DaemonTarget, backends: [String: String]?) {
    running = backends != nil
    self.backends = backends
    kind = target.kind
    endpoint = target.containerURL + "/v1/"
    endpointHost = target.hostURL + "/v1/"
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Keys.self)
    try container.encode(running, forKey: .running)
    try container.encode(backends, forKey: .backends)
    try container.encode(kind, forKey: .kind)
    try container.encode(endpoint, forKey: .endpoint)
    try container.encode(endpointHost, forKey: .endpointHost)
  }

  private enum Keys: CodingKey {
    case running, backends, kind, endpoint, endpointHost
  }
}

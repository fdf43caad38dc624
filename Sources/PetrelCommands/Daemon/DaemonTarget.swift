// SPDX-License-Identifier: Apache-2.0

import PetrelClient
import PetrelDaemon
import SystemPackage

/// Which daemon the environment selects.
enum DaemonTarget: Equatable {
  /// `MODEL_RUNNER_HOST` names it. It is used as it is and never started.
  case given(DaemonEndpoint)
  /// This machine's own: on its socket, or else on its port.
  case local(socket: DaemonEndpoint, tcp: DaemonEndpoint)

  init(_ context: CommandContext) throws {
    let wantsTLS = context.variable("MODEL_RUNNER_TLS") == "true"
    if let host = context.variable("MODEL_RUNNER_HOST") {
      self = .given(try DaemonEndpoint(parsing: host, defaultScheme: wantsTLS ? "https" : "http"))
      return
    }
    // The daemon is where its own configuration puts it, the file in PETREL_HOME included.
    let configuration = try context.daemonConfiguration()
    if wantsTLS {
      self = .given(
        try DaemonEndpoint(parsing: "https://localhost:\(configuration.tlsPort)"))
      return
    }
    self = .local(
      socket: DaemonEndpoint(socketPath: configuration.socket.string),
      tcp: DaemonEndpoint(loopbackPort: configuration.port))
  }

  /// The base URL by which programs on this machine reach the daemon.
  var hostURL: String {
    switch self {
    case .given(let endpoint): endpoint.description
    case .local(_, let tcp): tcp.description
    }
  }

  /// The base URL by which containers reach the daemon.
  var containerURL: String {
    switch self {
    case .given(let endpoint): endpoint.description
    case .local(_, let tcp): tcp.description.replacing("//127.0.0.1:", with: "//host.docker.internal:")
    }
  }

  /// The name that listings give this kind of installation.
  var kind: String {
    switch self {
    case .given: "Docker Engine (Manual Install)"
    case .local: "Petrel"
    }
  }
}

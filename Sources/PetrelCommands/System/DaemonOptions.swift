// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelDaemon
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The daemon's settings that can be given as flags.
struct DaemonOptions: ParsableArguments {
  @Option(help: "An address to listen on with TCP; may be repeated. (default: 127.0.0.1)")
  var host: [String] = []

  @Option(help: "The TCP port. (default: 12434)")
  var port: String?

  @Flag(help: "Listen with TLS as well; without --tls-cert and --tls-key Petrel makes a certificate.")
  var tls = false

  @Option(help: "The TCP port for TLS. (default: 12444)")
  var tlsPort: String?

  @Option(help: "A PEM file with the certificate for TLS, and those between it and its authority.")
  var tlsCert: String?

  @Option(help: "A PEM file with the certificate's private key.")
  var tlsKey: String?

  @Flag(
    inversion: .prefixedNo, exclusivity: .exclusive,
    help: "Ask for API keys on all addresses, or on none. (default: on those that other machines can reach)")
  var auth: Bool?

  @Option(help: "The path of the Unix socket. (default: petrel.sock in PETREL_HOME)")
  var socket: String?

  @Option(help: "The folder of the model store. (default: ~/.docker/models)")
  var modelsPath: String?

  @Option(
    parsing: .unconditional,
    help: "How long an engine stays after its last request: 30s, 5m, 0, or -1 for ever. (default: 5m)")
  var keepAlive: String?

  @Option(help: "trace, debug, info, warning or error. (default: info)")
  var logLevel: String?

  @OptionGroup(title: "Registries") var registries: RegistryOptions

  /// By the settings' keys.
  var flags: [String: [String]] {
    let single = [
      "port": port, "tls": tls ? "true" : nil, "tls-port": tlsPort, "tls-cert": tlsCert, "tls-key": tlsKey,
      "socket": socket, "models-path": modelsPath, "keep-alive": keepAlive, "log-level": logLevel,
    ]
    var flags = single.compactMapValues { $0.map { [$0] } }
    if !host.isEmpty { flags["host"] = host }
    if let auth { flags["auth"] = [auth ? "on" : "off"] }
    return flags.merging(registries.flags) { $1 }
  }
}

extension CommandContext {
  /// - Parameter flags: as ``DaemonOptions/flags``; none for what holds without any.
  func daemonConfiguration(flags: [String: [String]] = [:]) throws -> DaemonConfiguration {
    try DaemonConfiguration.load(
      flags: flags, environment: environment, userHome: userHome, workingDirectory: workingDirectory,
      processors: ProcessInfo.processInfo.activeProcessorCount)
  }
}

// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelAccess
import PetrelServer
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What each listener asks of requests.
struct ListenerAccess: Sendable {
  private let settings: AccessSettings
  private let hosts: [String]
  private let gate: KeyGate
  private let logger: Logger

  /// - Parameter hosts: all that the daemon listens on.
  init(_ settings: AccessSettings, hosts: [String], home: FilePath, logger: Logger) {
    self.settings = settings
    self.hosts = hosts
    self.logger = logger
    let start = ContinuousClock.now
    gate = KeyGate(
      file: APIKeyFile(home: home),
      clock: KeyGate.Clock(
        now: { Int64(Date().timeIntervalSince1970) },
        uptime: { Double((ContinuousClock.now - start) / .milliseconds(1)) / 1000 }),
      onFailure: { logger.error("API keys can't be read, so none is valid", metadata: ["error": "\($0)"]) })
  }

  /// For what comes over the Unix socket, whose file says who may open it.
  var socket: AccessControl {
    AccessControl(hosts: HostPolicy(listeners: hosts), origins: settings.origins)
  }

  /// - Parameter host: one of those that the daemon listens on.
  func listener(on host: String) -> AccessControl {
    AccessControl(
      hosts: HostPolicy(listeners: hosts, allowed: settings.allowedHosts), origins: settings.origins,
      keys: needsKeys(ListenerReach(host: host)) ? gate : nil)
  }

  func needsKeys(_ reach: ListenerReach) -> Bool {
    switch settings.authentication {
    case .on: true
    case .off: false
    case .auto: reach == .network
    }
  }

  /// Says what the user should know about the listeners.
  func warn() {
    let reaches = hosts.map { (host: $0, reach: ListenerReach(host: $0)) }
    for (host, reach) in reaches where reach == .network && !needsKeys(reach) {
      logger.warning(
        "everybody who can reach this address may use the daemon, as auth is off", metadata: ["host": "\(host)"])
    }
    if reaches.contains(where: { needsKeys($0.reach) }), gate.usableKeys == 0 {
      logger.warning(
        "requests over TCP need an API key, and there is none; `petrel keys create` makes one, auth: off asks for none")
    }
  }
}

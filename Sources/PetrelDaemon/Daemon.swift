// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOPosix
import NIOSSL
import PetrelEngines
import PetrelHTTP
import PetrelHub
import PetrelLibrary
import PetrelOCI
import PetrelProcess
import PetrelRecords
import PetrelRegistry
import PetrelResponseStore
import PetrelScheduling
import PetrelServer
import PetrelStore
import PetrelTLS
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The daemon: puts the rooms together, runs them, and takes them down in order.
package struct Daemon: Sendable {
  let configuration: DaemonConfiguration
  let logger: Logger

  package init(_ configuration: DaemonConfiguration, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
  }

  /// Runs until it is told to stop, then ends in order: no new connections, running answers get their grace, engines
  /// are stopped, the sockets are removed.
  ///
  /// - Parameters:
  ///   - onReady: called when every listener is bound, with what clients would write: `http://127.0.0.1:12434`.
  ///   - stop: returns when the daemon is to end.
  /// - Throws: ``DaemonError`` when it can't start.
  package func run(
    onReady: @Sendable (_ urls: [String]) -> Void, until stop: @escaping @Sendable () async -> Void
  ) async throws {
    for warning in configuration.warnings { logger.warning("\(warning)") }
    let claim = try SocketClaim(configuration.socket)
    let run = configuration.home.appending("run")
    let runClaim = try RunDirectoryClaim(run)
    defer { withExtendedLifetime(runClaim) {} }
    let store = try await openStore()
    let group = MultiThreadedEventLoopGroup.singleton
    let engine = LlamaCpp(home: configuration.home, environment: configuration.environment)
    let sandbox = Sandbox(mode: configuration.sandbox, environment: configuration.environment)
    let metrics = SchedulingMetrics()
    let scheduler = try makeScheduler(engine, group, run: run, sandbox) { event in
      metrics.note(event)
      // Engines that start and end touch much of the program that answers don't need, like the daemon's own start.
      #if os(Linux)
        ProgramPages.release()
      #endif
    }
    let installation = EngineInstallation(
      engine: engine, environment: configuration.environment, sandbox: sandbox, logger: logger)
    let connections = try registryConnections(group)
    let registries = registryClient(connections)
    let hub = HubClient(
      web: registries.web,
      settings: HubSettings(endpoint: configuration.hubEndpoint, environment: configuration.environment))
    let library = ModelLibrary(
      store: store, source: registries, hub: hub, signaturePolicy: configuration.signaturePolicy,
      defaultRegistry: configuration.defaultRegistry, logger: logger, onChange: { scheduler.board.forgetNames() })
    let records = RecordStore(
      path: configuration.home.appending("requests.db"), limits: configuration.recording.limits, logger: logger)
    let recorder = RequestRecorder(store: records, policy: configuration.recording.policy)
    let responses = ResponseStore(
      path: configuration.home.appending("responses.sqlite"), limits: configuration.responses, logger: logger)
    let logs = MergedLogs(directory: configuration.logDirectory)
    let access = ListenerAccess(
      configuration.access, hosts: configuration.hosts, home: configuration.home, logger: logger)
    access.warn()
    let server = APIServer(
      library: library, scheduler: scheduler, installation: installation, recorder: recorder,
      logs: { follow, withoutEngines in
        let cursor = logs.cursor(follow: follow, withoutEngines: withoutEngines)
        return { await cursor.next() }
      }, metrics: configuration.environment["DISABLE_METRICS"] == "true" ? nil : metrics, group: group,
      access: access.socket, limits: configuration.access.requests, promptRules: configuration.promptRules,
      responses: responses, logger: logger)

    let listeners: [HTTPListener]
    do {
      listeners = try await bind(server, access, group: group)
      try claim.restrict()
    } catch {
      await connections.shutdown()
      claim.removeSocket()
      throw error
    }
    do {
      try DaemonProcess.note(home: configuration.home)
    } catch {
      logger.warning("`petrel stop-runner` won't find this daemon", metadata: ["error": "\(error)"])
    }
    defer { DaemonProcess.forget(home: configuration.home) }
    onReady(listeners.map(\.url))
    logger.notice("ready", metadata: ["addresses": "\(listeners.map(\.url).joined(separator: " "))"])
    #if os(Linux)
      ProgramPages.release()
    #endif

    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask { await scheduler.run() }
      tasks.addTask { await tidyUp(store) }
      tasks.addTask { await recorder.run() }
      tasks.addTask { await forgetOld(records) }
      tasks.addTask { await preload(library, scheduler) }
      tasks.addTask { await readCatalogue(server) }
      await stop()
      logger.notice("shutting down")
      // Transfers are cut off at once: what they have is kept for the next attempt.
      await library.shutdown()
      // Streams of requests and logs would keep their connections open until the grace is over.
      await recorder.close()
      logs.close()
      await drain(listeners)
      await installation.shutDown()
      await scheduler.shutDown()
      await recorder.shutDown()
      tasks.cancelAll()
    }
    await responses.close()
    await connections.shutdown()
    claim.removeSocket()
    logger.notice("stopped")
  }

  private func openStore() async throws -> ModelStore {
    if let type = try? configuration.modelsPath.stat().type, type != .directory {
      throw DaemonError(
        message: "models-path is \(configuration.modelsPath), which is no folder; name the folder of the model store")
    }
    do {
      return try await ModelStore.open(at: configuration.modelsPath, logger: logger)
    } catch let error as StoreError {
      throw DaemonError(message: error.message)
    }
  }

  func registryConnections(_ group: any EventLoopGroup) throws -> RegistryConnections {
    let settings = configuration.registries
    do {
      return try RegistryConnections(group: group, proxies: settings.proxies, trust: settings.trust)
    } catch let error as RegistryError {
      throw DaemonError(message: error.message)
    }
  }

  func registryClient(_ connections: RegistryConnections) -> RegistryClient {
    let settings = configuration.registries
    let registries = RegistryConfiguration(
      insecureRegistries: Set(configuration.insecureRegistries), isInsecure: settings.isInsecure,
      mirrors: settings.mirrors, allowedPrivateHosts: Set(settings.allowedPrivateHosts), userAgent: "petrel",
      chunkSize: settings.uploadChunk, hasCertificates: settings.trust.knows)
    let credentials = RegistryCredentials(
      environment: configuration.environment,
      configFile: RegistryCredentials.configFile(environment: configuration.environment), logger: logger)
    return RegistryClient(
      connections: connections, credentials: credentials, configuration: registries, logger: logger)
  }

  /// Frees what failed pulls and crashes left behind: when the daemon has settled, and then once a day.
  private func tidyUp(_ store: ModelStore) async {
    var pause = Duration.seconds(60)
    while true {
      do {
        try await Task.sleep(for: pause)
        pause = .seconds(24 * 3600)
        let count = try await store.tidyUp()
        if count > 0 { logger.notice("removed files that no model uses", metadata: ["count": "\(count)"]) }
      } catch is CancellationError {
        return
      } catch {
        logger.warning("files that no model uses can't be removed", metadata: ["error": "\(error)"])
      }
    }
  }

  /// Removes records that are too old, also when no request comes that would.
  private func forgetOld(_ records: RecordStore) async {
    while (try? await Task.sleep(for: .seconds(3600))) != nil { await records.removeExpired() }
  }

  private func readCatalogue(_ server: APIServer) async {
    // Who asks for the list is told of failures.
    guard (try? await server.readCatalogue()) == true else { return }
    #if os(Linux)
      ProgramPages.release()
    #endif
  }

  /// Loads the models that the configuration names, one after the other.
  private func preload(_ library: ModelLibrary, _ scheduler: Scheduler) async {
    for name in configuration.preload where !Task.isCancelled {
      do {
        let model = try await library.requestedModel(name)
        await scheduler.preload(model, mode: scheduler.preferredMode(of: model.id))
      } catch {
        logger.warning("not preloaded", metadata: ["model": "\(name)", "error": "\(error)"])
      }
    }
  }

  private func makeScheduler(
    _ engine: LlamaCpp, _ group: any EventLoopGroup, run: FilePath, _ sandbox: Sandbox,
    onEvent: @escaping @Sendable (SchedulingEvent) -> Void
  ) throws -> Scheduler {
    let orphans = OrphanRecords(directory: run.appending("engines"), logger: logger)
    try PrivateFolder.create(configuration.logDirectory)
    let launcher = EngineLauncher(
      engine: engine, group: group, socketDirectory: run, logDirectory: configuration.logDirectory, orphans: orphans,
      loadTimeout: configuration.loadTimeout, sandbox: sandbox, logger: logger)
    // An earlier daemon that was killed may have left engines running; the claim on the folder says that it is gone.
    launcher.sweep()
    let settings: SettingsStore
    do {
      settings = try SettingsStore(configuration.home.appending("model-settings.json"), logger: logger)
    } catch let error as SettingsError {
      throw DaemonError(message: error.message)
    } catch let error as StoreError {
      throw DaemonError(message: error.message)
    }
    return Scheduler(
      launcher: launcher, settings: settings, idleTimeout: configuration.keepAlive,
      limits: SchedulingLimits(
        maximumRunners: configuration.maximumRunners, maximumQueue: configuration.maximumQueue,
        queueTimeout: configuration.queueTimeout, healthInterval: configuration.healthInterval),
      memory: .machine(limit: configuration.memoryLimit),
      logger: logger, onEvent: onEvent)
  }

  private func bind(
    _ server: APIServer, _ access: ListenerAccess, group: any EventLoopGroup
  ) async throws -> [HTTPListener] {
    var places: [(address: ListenAddress, tls: NIOSSLContext?)] = configuration.hosts.map {
      (.tcp(host: $0, port: configuration.port), nil)
    }
    if let tls = configuration.tls {
      let context = try tlsContext(tls.certificate)
      places += configuration.hosts.map { (.tcp(host: $0, port: tls.port), context) }
    }
    places.append((.unix(path: configuration.socket.string), nil))
    var listeners: [HTTPListener] = []
    for (address, tls) in places {
      let responder =
        if case .tcp(let host, _) = address { server.asking(access.listener(on: host)) } else { server }
      do {
        listeners.append(
          try await HTTPListener.bind(
            address, tls: tls, group: group, responder: responder, limits: configuration.access.connections,
            logger: logger))
      } catch {
        for listener in listeners { await listener.close() }
        throw DaemonError(message: Self.explain(error, address, portSetting: tls == nil ? "port" : "tls-port"))
      }
    }
    return listeners
  }

  private func tlsContext(_ certificate: TLSSettings.Certificate) throws(DaemonError) -> NIOSSLContext {
    do throws(TLSError) {
      switch certificate {
      case .files(let certificate, let key): return try ServerTLS.context(certificate: certificate, key: key)
      case .automatic(let folder):
        let authority = LocalAuthority(folder: folder)
        if try authority.ensureCertificates(now: Date()) {
          logger.notice(
            "made a certificate for TLS; clients trust it by its authority",
            metadata: ["authority": "\(authority.authorityCertificate)"])
        }
        return try ServerTLS.context(certificate: authority.serverCertificate, key: authority.serverKey)
      }
    } catch {
      throw DaemonError(message: error.message)
    }
  }

  private static func explain(_ error: any Error, _ address: ListenAddress, portSetting: String) -> String {
    switch error {
    case let error as IOError:
      switch Errno(rawValue: error.errnoCode) {
      case .addressInUse:
        return
          "\(address) is in use by another program; choose another port with --\(portSetting), or stop that program"
      case .addressNotAvailable: return "can't listen on \(address): this machine has no such address; correct host"
      case let reason: return "can't listen on \(address): \(reason)"
      }
    case is SocketAddressError.UnknownHost: return "can't listen on \(address): there is no such host; correct host"
    default: return "can't listen on \(address): \(error)"
    }
  }

  /// Lets running answers finish, but no longer than the grace period.
  private func drain(_ listeners: [HTTPListener]) async {
    await withTaskGroup(of: Bool.self) { tasks in
      tasks.addTask {
        await withTaskGroup(of: Void.self) { group in
          for listener in listeners { group.addTask { await listener.drain() } }
        }
        return true
      }
      tasks.addTask { [grace = configuration.shutdownGrace] in
        try? await Task.sleep(for: grace)
        return false
      }
      if await tasks.next() == false {
        logger.warning("answers still running after the grace period are cut off")
        for listener in listeners { await listener.close() }
      }
      tasks.cancelAll()
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelAPI
import PetrelEngines
import PetrelHub
import PetrelMemory
import PetrelOCI
import PetrelPrompts
import PetrelResponseStore
import PetrelSigning
import SystemPackage

/// Everything the daemon is told, read once at its start.
package struct DaemonConfiguration: Sendable {
  /// Petrel's own folder: socket, configuration, engines, logs. `PETREL_HOME`, default `~/.petrel`.
  package let home: FilePath
  /// Addresses to listen on with TCP. Default `127.0.0.1`.
  package let hosts: [String]
  /// 0 lets the system choose. Default 12434.
  package let port: Int
  /// Nil when TLS is off, which is the default.
  package let tls: TLSSettings?
  /// Where TLS is or would be. Default 12444.
  package let tlsPort: Int
  /// Default `$PETREL_HOME/petrel.sock`.
  package let socket: FilePath
  /// The model store, shared with Docker Model Runner. Default `~/.docker/models`.
  package let modelsPath: FilePath
  /// Default `info`.
  package let logLevel: Logger.Level
  /// Where engines' logs go. Default `$PETREL_HOME/logs`.
  package let logDirectory: FilePath
  /// How long an engine stays after its last request; nil for ever. Default 5 minutes, in a cloud with GPUs 8 hours.
  package let keepAlive: Duration?
  /// How long an engine may take to load. Default 10 minutes.
  package let loadTimeout: Duration
  /// Models to load at the start.
  package let preload: [String]
  /// Engines at a time.
  package let maximumRunners: Int
  /// Whether engines are confined. Default `auto`: where it can be done.
  package let sandbox: SandboxMode
  /// The image that `install-runner` takes the engine from, with its registry. Default none: it is built.
  package let engineImage: String?
  /// Requests that wait for one model. Default 512.
  package let maximumQueue: Int
  /// How often an engine that has requests is asked whether it is well. Default 15 seconds.
  package let healthInterval: Duration
  /// How long a model waits for others to become idle. Default 5 minutes.
  package let queueTimeout: Duration
  /// What all engines together may take; nil for what the machine has.
  package let memoryLimit: ByteCount?
  /// How long running answers may go on when the daemon ends. Default 10 seconds.
  package let shutdownGrace: Duration
  /// The registry of references that name none. Default `docker.io`.
  package let defaultRegistry: String
  /// Registries spoken to over plain HTTP, beside loopback ones.
  package let insecureRegistries: [String]
  /// Which models must be signed. In the file only; default none.
  package let signaturePolicy: SignaturePolicy
  /// How registries are reached otherwise.
  package let registries: RegistrySettings
  /// What is recorded of requests. Default everything, for a week, in at most 64 MiB.
  package let recording: RecordingSettings
  /// Hugging Face, or a server with its API. Default `https://huggingface.co`.
  package let hubEndpoint: String
  /// Which lines are not to stand at the beginning of system prompts.
  package let promptRules: PromptRules
  /// Who may use the daemon, and how much at a time.
  package let access: AccessSettings
  /// The command line's own key for daemons that want one. It is never shown. Default none.
  package let apiKey: String?
  /// How many responses of the Responses API are kept, and for how long.
  package let responses: ResponseLimits
  /// The daemon's environment, with `LLAMA_SERVER_PATH` and `LLAMA_ARGS` from the file where only that has them.
  package let environment: [String: String]
  /// Every setting with its value and where it came from.
  package let rows: [SettingRow]
  /// What is odd but does not keep the daemon from starting.
  package let warnings: [String]

  /// Reads the layers. The configuration file is the one in `PETREL_HOME`.
  ///
  /// - Parameters:
  ///   - flags: flag names without dashes, to their values.
  ///   - userHome: the user's home folder.
  ///   - processors: logical CPUs of this machine.
  package static func load(
    flags: [String: [String]], environment: [String: String], userHome: FilePath, workingDirectory: FilePath,
    processors: Int
  ) throws(ConfigurationError) -> DaemonConfiguration {
    let named = environment["PETREL_HOME"].flatMap { $0.isEmpty ? nil : $0 }
    let home =
      named.map { UserPath.absolute($0, userHome: userHome, workingDirectory: workingDirectory) }
      ?? workingDirectory.pushing(userHome.appending(".petrel"))
    let path = home.appending("config.yaml")
    let layers = ConfigurationLayers(
      flags: flags, environment: environment, file: try ConfigurationFile.read(path), filePath: path.string)
    var signatures: SignaturePolicy?
    if let node = try ConfigurationFile.signatures(path) {
      signatures = try SignaturePolicyReader(file: path.string, home: home, userHome: userHome).read(node)
    }
    return try DaemonConfiguration(
      layers, home: home, homeSource: named == nil ? .builtIn : .environment("PETREL_HOME"), userHome: userHome,
      workingDirectory: workingDirectory, processors: processors, signatures: signatures)
  }

  private init(
    _ layers: ConfigurationLayers, home: FilePath, homeSource: SettingSource, userHome: FilePath,
    workingDirectory: FilePath, processors: Int, signatures: SignaturePolicy?
  ) throws(ConfigurationError) {
    var rows = [SettingRow(key: "home", value: home.string, source: homeSource)]
    /// The value of a setting that has a default.
    func required<Value>(_ setting: Setting<Value>) throws(ConfigurationError) -> Value {
      guard let value = try layers.value(setting, rows: &rows) else {
        throw ConfigurationError(message: "\(setting.key) must be \(setting.expectation)")
      }
      return value
    }
    /// A path; `~` is the user's home, and relative paths count from the working directory.
    func path(_ key: String, environment name: String, default fallback: FilePath) -> Setting<FilePath> {
      Setting(key, environment: name, default: fallback.string, expects: "a path") { text in
        if text.isEmpty { return nil }
        return UserPath.absolute(text, userHome: userHome, workingDirectory: workingDirectory)
      }
    }
    func text(_ key: String, environment name: String, default fallback: String? = nil) -> Setting<String> {
      Setting(key, environment: name, default: fallback, expects: "text") { $0 }
    }
    func duration(_ key: String, environment name: String, default fallback: String) -> Setting<Duration> {
      Setting(
        key, environment: name, default: fallback, expects: "a duration such as 30s, 5m or 1h30m"
      ) { text in GoDuration.parse(text).flatMap { $0 < .zero ? nil : $0 } }
    }

    /// A path that may be left out.
    func file(_ key: String, environment name: String) throws(ConfigurationError) -> FilePath? {
      let setting = path(key, environment: name, default: "")
      return try layers.value(
        Setting(key, environment: name, expects: setting.expectation, parse: setting.parse), rows: &rows)
    }
    func port(_ key: String, environment name: String, default fallback: Int) -> Setting<Int> {
      Setting(
        key, environment: name, default: String(fallback), expects: "a port number from 0 to 65535"
      ) { UInt16($0).map(Int.init) }
    }
    func switched(_ key: String, environment name: String, default fallback: Bool) -> Setting<Bool> {
      Setting(key, environment: name, default: String(fallback), expects: "true or false") { text in
        switch text {
        case "1", "t", "T", "TRUE", "true", "True": true
        case "0", "f", "F", "FALSE", "false", "False": false
        default: nil
        }
      }
    }

    let hosts = Setting("host", environment: "PETREL_HOST", default: "127.0.0.1", expects: "an address") { text in
      text.isEmpty ? nil : text
    }
    let level = Setting<String>(
      "log-level", environment: "LOG_LEVEL", default: "info", expects: "trace, debug, info, warning or error"
    ) { $0 }
    let isCloudWithGPUs =
      layers.environment["MODEL_RUNNER_ENVIRONMENT"] == "cloud"
      && layers.environment["NVIDIA_VISIBLE_DEVICES"]?.isEmpty == false
    let keepAlive = Setting(
      "keep-alive", environment: "PETREL_KEEP_ALIVE", default: isCloudWithGPUs ? "8h" : "5m",
      expects: "a duration such as 30s, 5m or 1h30m, 0 for none, or -1 for ever"
    ) { text in text == "-1" ? .nanoseconds(-1) : GoDuration.parse(text) }
    let maximumRunners = Setting(
      "max-runners", environment: "PETREL_MAX_RUNNERS", default: String(max(2, min(processors, 8))),
      expects: "a number above 0"
    ) { text in Int(text).flatMap { $0 > 0 ? $0 : nil } }
    let maximumQueue = Setting(
      "max-queue", environment: "PETREL_MAX_QUEUE", default: "512", expects: "a number above 0"
    ) { text in Int(text).flatMap { $0 > 0 ? $0 : nil } }
    let memoryLimit = Setting<ByteCount?>(
      "memory-limit", environment: "PETREL_MEMORY_LIMIT", default: "auto",
      expects: "a size such as 512MiB or 24GiB, or auto for what the machine has"
    ) { text in text == "auto" ? .some(nil) : ByteCount(parsing: text).map { .some($0) } }

    self.home = home
    self.hosts = try layers.values(hosts, rows: &rows)
    self.port = try required(port("port", environment: "MODEL_RUNNER_PORT", default: 12434))
    let isTLS = try required(switched("tls", environment: "MODEL_RUNNER_TLS_ENABLED", default: false))
    tlsPort = try required(port("tls-port", environment: "MODEL_RUNNER_TLS_PORT", default: 12444))
    let certificate = try file("tls-cert", environment: "MODEL_RUNNER_TLS_CERT")
    let key = try file("tls-key", environment: "MODEL_RUNNER_TLS_KEY")
    let mayMakeCertificate = try required(
      switched("tls-auto-cert", environment: "MODEL_RUNNER_TLS_AUTO_CERT", default: true))
    tls = try TLSSettings(
      isEnabled: isTLS, port: tlsPort, certificate: certificate, key: key, mayMakeCertificate: mayMakeCertificate,
      folder: home.appending("certs"))
    socket = try required(path("socket", environment: "MODEL_RUNNER_SOCK", default: home.appending("petrel.sock")))
    modelsPath = try required(
      path("models-path", environment: "MODELS_PATH", default: userHome.appending(".docker/models")))
    var levelWarning: String?
    logLevel = try Self.logLevel(try required(level), level, from: rows.last?.source, warning: &levelWarning)
    logDirectory = try required(path("log-dir", environment: "MODEL_RUNNER_LOG_DIR", default: home.appending("logs")))
    preload = try layers.values(text("preload", environment: "PETREL_PRELOAD"), rows: &rows)
    let keep = try required(keepAlive)
    self.keepAlive = keep < .zero ? nil : keep
    loadTimeout = try required(duration("load-timeout", environment: "PETREL_LOAD_TIMEOUT", default: "10m"))
    self.maximumRunners = try required(maximumRunners)
    sandbox = try required(
      Setting(
        "sandbox", environment: "PETREL_SANDBOX", default: SandboxMode.auto.rawValue, expects: "auto, on or off"
      ) { SandboxMode(rawValue: $0.lowercased()) })
    engineImage = try layers.value(
      Setting(
        "engine-image", environment: "PETREL_ENGINE_IMAGE", expects: "REGISTRY/IMAGE[:TAG], …@sha256:… or official"
      ) {
        text in
        text.isEmpty ? nil : text
      }, rows: &rows)
    self.maximumQueue = try required(maximumQueue)
    healthInterval = try required(
      Setting(
        "health-interval", environment: "PETREL_HEALTH_INTERVAL", default: "15s",
        expects: "a duration above 0 such as 15s or 1m"
      ) { text in GoDuration.parse(text).flatMap { $0 > .zero ? $0 : nil } })
    queueTimeout = try required(duration("queue-timeout", environment: "PETREL_QUEUE_TIMEOUT", default: "5m"))
    self.memoryLimit = try required(memoryLimit)
    shutdownGrace = try required(duration("shutdown-grace", environment: "PETREL_SHUTDOWN_GRACE", default: "10s"))
    defaultRegistry = try required(
      text("default-registry", environment: "DEFAULT_REGISTRY", default: ModelReference.dockerHub))
    insecureRegistries = try layers.values(
      text("insecure-registries", environment: "PETREL_INSECURE_REGISTRIES"), rows: &rows)
    signaturePolicy = signatures ?? SignaturePolicy()
    rows.append(
      SettingRow(
        key: SignaturePolicyReader.key, value: SignaturePolicyReader.summary(of: signaturePolicy),
        source: signatures == nil ? .builtIn : .file(layers.filePath)))
    registries = try RegistrySettings(
      layers, userHome: userHome, resolve: path("", environment: "", default: "").parse, rows: &rows)
    recording = try RecordingSettings(layers, rows: &rows)
    hubEndpoint = try required(
      text("hf-endpoint", environment: "HF_ENDPOINT", default: HubSettings.publicEndpoint))
    promptRules = try PromptSettings.rules(layers, rows: &rows)
    access = try AccessSettings(
      layers, switched: { switched($0, environment: $1, default: $2) }, rows: &rows)
    apiKey = try layers.value(
      Setting("api-key", environments: ["PETREL_API_KEY"], expects: "text", describe: { _ in "***" }, parse: { $0 }),
      rows: &rows)
    responses = ResponseLimits(
      count: try required(
        Setting("responses-max", environment: "PETREL_RESPONSES_MAX", default: "10000", expects: "a number above 0") {
          text in Int(text).flatMap { $0 > 0 ? $0 : nil }
        }),
      age: try required(duration("responses-age", environment: "PETREL_RESPONSES_AGE", default: "720h")))
    var environment = layers.environment
    for (key, name) in [("llama-server-path", "LLAMA_SERVER_PATH"), ("llama-args", "LLAMA_ARGS")] {
      let given = layers.environment[name]
      let fromFile = layers.file[key]?.joined(separator: " ")
      if let value = given ?? fromFile {
        environment[name] = value
        rows.append(
          SettingRow(key: key, value: value, source: given == nil ? .file(layers.filePath) : .environment(name)))
      }
    }
    if let value = environment["LLAMA_ARGS"], let source = rows.last(where: { $0.key == "llama-args" })?.source {
      do {
        try LlamaCpp.checkBaseArguments(value)
      } catch {
        // Not the whole value: it may hold a token.
        throw ConfigurationError(message: "llama-args (\(source)): \(error.message)")
      }
    }
    self.environment = environment
    self.rows = rows
    let known = Set(rows.map(\.key)).subtracting(["home"]).union(["llama-server-path", "llama-args"])
    let idle =
      isTLS || (certificate == nil && key == nil) ? [] : ["tls-cert and tls-key have no effect: TLS is off (tls)"]
    let levelWarnings = levelWarning.map { [$0] } ?? []
    warnings =
      idle + levelWarnings + registries.warnings + access.warnings
      + layers.file.keys.filter { !known.contains($0) }.sorted().map {
        "\(layers.filePath): unknown setting \"\($0)\""
      }
  }
  /// Other programs read the variable too, with values of their own: those are warned of and stand for `info`. In the
  /// file and in flags they are errors.
  private static func logLevel(
    _ text: String, _ setting: Setting<String>, from source: SettingSource?, warning: inout String?
  ) throws(ConfigurationError) -> Logger.Level {
    let name = text.lowercased()
    if let level = name == "warn" ? .warning : Logger.Level(rawValue: name) { return level }
    let message =
      "\(setting.key) is \"\(text)\" (\(source ?? .builtIn)), but it must be \(setting.expectation)"
    guard case .environment? = source else { throw ConfigurationError(message: message) }
    warning = message + "; info is used"
    return .info
  }
}

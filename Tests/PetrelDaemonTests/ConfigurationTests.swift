// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelAPI
import PetrelRecords
import PetrelRegistry
import PetrelServer
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelDaemon

@Suite struct ConfigurationTests {
  private func load(
    flags: [String: [String]] = [:], environment: [String: String] = [:], file: String? = nil
  ) async throws -> DaemonConfiguration {
    try await withTemporaryFolder { folder in
      if let file { try folder.appending("config.yaml").write(file) }
      var environment = environment
      environment["PETREL_HOME"] = folder.string
      return try DaemonConfiguration.load(
        flags: flags, environment: environment, userHome: "/home/me", workingDirectory: "/work", processors: 16)
    }
  }

  private func row(_ key: String, _ configuration: DaemonConfiguration) -> String? {
    configuration.rows.first { $0.key == key }.map { "\($0.value) [\($0.source)]" }
  }

  @Test func `Without a word everything has its default`() throws {
    let configuration = try DaemonConfiguration.load(
      flags: [:], environment: ["HOME": "/elsewhere"], userHome: "/home/nobody", workingDirectory: "/work",
      processors: 16)
    #expect(configuration.home == "/home/nobody/.petrel")
    #expect(configuration.hosts == ["127.0.0.1"])
    #expect(configuration.port == 12434)
    #expect(configuration.socket == "/home/nobody/.petrel/petrel.sock")
    #expect(configuration.modelsPath == "/home/nobody/.docker/models")
    #expect(configuration.logDirectory == "/home/nobody/.petrel/logs")
    #expect(configuration.logLevel == .info)
    #expect(configuration.keepAlive == .seconds(300))
    #expect(configuration.loadTimeout == .seconds(600))
    #expect(configuration.shutdownGrace == .seconds(10))
    #expect(configuration.maximumRunners == 8)
    #expect(configuration.insecureRegistries.isEmpty)
    #expect(configuration.hubEndpoint == "https://huggingface.co")
    #expect(configuration.warnings.isEmpty)
    #expect(configuration.rows.allSatisfy { $0.source == .builtIn })
  }

  @Test func `Flags win over the environment, that over the file, that over defaults`() async throws {
    let file = "port: 3\nlog-level: error\nmax-runners: 2\nkeep-alive: 1h\n"
    let environment = ["MODEL_RUNNER_PORT": "2", "LOG_LEVEL": "debug"]
    let configuration = try await load(flags: ["port": ["1"]], environment: environment, file: file)
    #expect(configuration.port == 1)
    #expect(configuration.logLevel == .debug)
    #expect(configuration.maximumRunners == 2)
    #expect(configuration.keepAlive == .seconds(3600))
    #expect(row("port", configuration) == "1 [flag --port]")
    #expect(row("log-level", configuration) == "debug [environment LOG_LEVEL]")
    #expect(row("max-runners", configuration) == "2 [file \(configuration.home)/config.yaml]")
    #expect(row("load-timeout", configuration) == "10m [default]")
    #expect(row("home", configuration) == "\(configuration.home) [environment PETREL_HOME]")
  }

  @Test func `What is recorded of requests can be chosen`() async throws {
    let standard = try await load().recording
    #expect(standard.policy.scope == .all)
    #expect(standard.limits == RecordLimits(bytes: 64 * 1_048_576, age: .seconds(604_800)))
    let file = "record-requests: without-bodies\nrecords-age: 30m\nrecords-redact: [patient, 'X-*']\n"
    let configuration = try await load(environment: ["PETREL_RECORDS_SIZE": "2"], file: file)
    #expect(configuration.warnings.isEmpty)
    let chosen = configuration.recording
    #expect(chosen.policy.scope == .withoutBodies)
    #expect(chosen.limits == RecordLimits(bytes: 2 * 1_048_576, age: .seconds(1800)))
    let clean = chosen.policy.redaction.apply(#"{"patient":"a","password":"b","id":"X-12"}"#)
    #expect(clean == #"{"patient":"[redacted]","password":"[redacted]","id":"[redacted]"}"#)
    #expect(row("records-redact", configuration) == "patient, X-* [file \(configuration.home)/config.yaml]")
  }

  @Test(arguments: [
    ["PETREL_RECORD_REQUESTS": "some"], ["PETREL_RECORDS_SIZE": "0"], ["PETREL_RECORDS_AGE": "0s"],
    ["PETREL_RECORDS_REDACT": "a,**"],
  ]) func `Limits of records that make no sense are refused`(environment: [String: String]) async {
    await #expect(throws: ConfigurationError.self) { try await load(environment: environment) }
  }

  @Test func `A tilde is the user's home where no shell has seen it`() async throws {
    try await withTemporaryFolder { folder in
      func load(_ environment: [String: String]) throws -> DaemonConfiguration {
        try DaemonConfiguration.load(
          flags: [:], environment: environment, userHome: folder, workingDirectory: "/work", processors: 2)
      }
      let configuration = try load(["PETREL_HOME": "~/own", "MODELS_PATH": "~//models"])
      #expect(configuration.home == folder.appending("own"))
      #expect(configuration.modelsPath == folder.appending("models"))
      #expect(try load(["PETREL_HOME": "~"]).home == folder)
      #expect(try load(["PETREL_HOME": "~other"]).home == "/work/~other")
    }
  }

  @Test func `Lists have a form in every layer`() async throws {
    let file = "host: [a, b]\ninsecure-registries:\n  - r1:5000\n  - r2\n"
    let fromFile = try await load(file: file)
    #expect(fromFile.hosts == ["a", "b"])
    #expect(fromFile.insecureRegistries == ["r1:5000", "r2"])
    let fromEnvironment = try await load(environment: ["PETREL_HOST": " \"c, d\" "], file: file)
    #expect(fromEnvironment.hosts == ["c", "d"])
    let fromFlags = try await load(flags: ["host": ["e", "f"]], environment: ["PETREL_HOST": "c"], file: file)
    #expect(fromFlags.hosts == ["e", "f"])
    #expect(row("host", fromFlags) == "e, f [flag --host]")
    #expect(try await load(environment: ["PETREL_INSECURE_REGISTRIES": "a, ,b,"]).insecureRegistries == ["a", "b"])
  }

  @Test func `Ways to registries have names in every layer`() async throws {
    let file = """
      http-proxy: http://file:1
      no-proxy: [a.lan, 10.0.0.0/8]
      registry-mirrors: [m1.lan, "ftp://bad"]
      allowed-private-hosts: Auth.lan
      upload-chunk: 8
      """
    let environment = [
      "https_proxy": "http://me:secret@proxy.lan:3128", "ALL_PROXY": "socks5://all.lan",
      "SSL_CERT_FILE": "/nowhere.pem",
      "DOCKER_CONFIG": "/docker", "INSECURE_REGISTRY": "1",
    ]
    let configuration = try await load(environment: environment, file: file)
    let registries = configuration.registries
    #expect(registries.proxies.http?.description == "http://file:1")
    #expect(registries.proxies.https?.password == "secret")
    #expect(registries.proxies.exceptions.count == 2)
    #expect(registries.mirrors.map(\.authority) == ["m1.lan"])
    #expect(registries.allowedPrivateHosts == ["auth.lan"])
    #expect(registries.uploadChunk == 8 * 1_048_576)
    #expect(!registries.isInsecure)
    #expect(registries.trust.roots == nil)
    #expect(registries.trust.hostFolders == ["/etc/docker/certs.d", "/docker/certs.d"])
    #expect(row("https-proxy", configuration) == "http://***@proxy.lan:3128 [environment https_proxy]")
    #expect(configuration.warnings.contains { $0.contains("ftp://bad") })
    #expect(configuration.warnings.contains { $0.contains("/nowhere.pem") })
    let all = try await load(environment: ["ALL_PROXY": "all.lan:9"]).registries.proxies
    #expect(all.http?.description == "http://all.lan:9")
    #expect(all.https?.description == "http://all.lan:9")
    #expect(try await load(environment: ["INSECURE_REGISTRY": "true"]).registries.isInsecure)
  }

  @Test func `Proxies of the environment that can't be used are no reason not to start`() async throws {
    let configuration = try await load(environment: [
      "HTTPS_PROXY": "https://me:secret@proxy.lan", "NO_PROXY": "a.lan,10.0.0.0/99",
    ])
    #expect(configuration.registries.proxies.https?.kind == .unusable)
    #expect(configuration.registries.proxies.exceptions.count == 1)
    #expect(configuration.warnings.count == 2)
    #expect(!configuration.warnings.joined().contains("secret"))
    for file in ["https-proxy: https://me:secret@proxy.lan", "no-proxy: 10.0.0.0/99"] {
      let error = await #expect(throws: ConfigurationError.self) { _ = try await load(file: file) }
      #expect(error?.message.contains("secret") == false)
    }
  }

  @Test(arguments: [["PETREL_CA_BUNDLE": "/nowhere.pem"], ["PETREL_UPLOAD_CHUNK": "0"]])
  func `Ways to registries that can't be used are refused`(
    _ environment: [String: String]
  ) async throws {
    let error = await #expect(throws: ConfigurationError.self) { _ = try await load(environment: environment) }
    #expect(error?.message.contains(try #require(environment.keys.first)) == true)
  }

  @Test func `Empty variables count as absent, and quotes around values are taken off`() async throws {
    let configuration = try await load(
      environment: ["MODEL_RUNNER_PORT": "", "LOG_LEVEL": "'warn'", "PETREL_KEEP_ALIVE": "\"-1\""])
    #expect(configuration.port == 12434)
    #expect(configuration.logLevel == .warning)
    #expect(configuration.keepAlive == nil)
  }

  @Test func `Paths may start at home or at the working folder, and hold commas`() async throws {
    let configuration = try await load(
      flags: ["socket": ["p.sock"]], environment: ["MODELS_PATH": "/data/a,b"], file: "log-dir: ~/logs\n")
    #expect(configuration.socket == "/work/p.sock")
    #expect(configuration.modelsPath == "/data/a,b")
    #expect(configuration.logDirectory == "/home/me/logs")
  }

  @Test(arguments: [("INFO", "info"), ("warn", "warning"), ("Debug", "debug"), ("verbose", "info")])
  func `Log levels of other programs do no harm`(text: String, level: String) async throws {
    #expect(try await load(environment: ["LOG_LEVEL": text]).logLevel.rawValue == level)
  }

  @Test(arguments: [
    ("port", "MODEL_RUNNER_PORT", "65536", "a port number from 0 to 65535"),
    ("port", "MODEL_RUNNER_PORT", "http", "a port number from 0 to 65535"),
    ("max-runners", "PETREL_MAX_RUNNERS", "0", "a number above 0"),
    ("load-timeout", "PETREL_LOAD_TIMEOUT", "10", "a duration such as 30s, 5m or 1h30m"),
    ("load-timeout", "PETREL_LOAD_TIMEOUT", "-5s", "a duration such as 30s, 5m or 1h30m"),
    ("shutdown-grace", "PETREL_SHUTDOWN_GRACE", "soon", "a duration such as 30s, 5m or 1h30m"),
    ("keep-alive", "PETREL_KEEP_ALIVE", "long", "a duration such as 30s, 5m or 1h30m, 0 for none, or -1 for ever"),
  ]) func `A bad value is named with its place and what would be right`(
    key: String, variable: String, value: String, expectation: String
  ) async throws {
    let error = await #expect(throws: ConfigurationError.self) { try await load(environment: [variable: value]) }
    #expect(error?.message == "\(key) is \"\(value)\" (environment \(variable)), but it must be \(expectation)")
    let flag = await #expect(throws: ConfigurationError.self) { try await load(flags: [key: [value]]) }
    #expect(flag?.message == "\(key) is \"\(value)\" (flag --\(key)), but it must be \(expectation)")
    let file = await #expect(throws: ConfigurationError.self) { try await load(file: "\(key): \"\(value)\"\n") }
    #expect(file?.message.hasPrefix("\(key) is \"\(value)\" (file ") == true)
  }

  @Test(arguments: [
    ("port: [", "is not valid YAML"),
    ("- port\n- host\n", "must hold settings as `key: value`"),
    ("just text", "must hold settings as `key: value`"),
    ("port:\n  number: 1\n", "port must be a value or a list of values"),
    ("host: [[a]]\n", "host must be a value or a list of values"),
    ("? [a]\n: b\n", "a key is no plain text"),
  ]) func `A file that can't be used is named`(file: String, words: String) async throws {
    let error = await #expect(throws: ConfigurationError.self) { try await load(file: file) }
    #expect(error?.message.contains("config.yaml") == true)
    #expect(error?.message.contains(words) == true)
  }

  @Test func `A file without settings is fine`() async throws {
    for file in ["", "\n", "# nothing yet\n", "---\n"] { #expect(try await load(file: file).port == 12434) }
  }

  @Test func `Unknown settings are warned of`() async throws {
    let configuration = try await load(file: "prot: 1\nport: 2\nllama-args: -v\n")
    #expect(configuration.port == 2)
    #expect(configuration.warnings == ["\(configuration.home)/config.yaml: unknown setting \"prot\""])
  }

  @Test func `TLS is off unless it is asked for`() async throws {
    #expect(try await load().tls == nil)
    let idle = try await load(environment: ["MODEL_RUNNER_TLS_CERT": "/a.crt", "MODEL_RUNNER_TLS_PORT": "1"])
    #expect(idle.tls == nil)
    #expect(idle.tlsPort == 1)
    #expect(idle.warnings == ["tls-cert and tls-key have no effect: TLS is off (tls)"])
  }

  @Test func `TLS takes the certificate that is given, or else makes one`() async throws {
    for text in ["1", "t", "T", "TRUE", "true", "True"] {
      let made = try await load(environment: ["MODEL_RUNNER_TLS_ENABLED": text])
      #expect(made.tls?.port == 12444)
      #expect(made.tls?.certificate == .automatic(made.home.appending("certs")))
    }
    let given = try await load(
      flags: ["tls": ["true"], "tls-cert": ["a.crt"]],
      environment: ["MODEL_RUNNER_TLS_KEY": "/b.key", "MODEL_RUNNER_TLS_AUTO_CERT": "false"], file: "tls-port: 5\n")
    #expect(given.tls?.port == 5)
    #expect(given.tls?.certificate == .files(certificate: "/work/a.crt", key: "/b.key"))
  }

  @Test func `TLS without a certificate, or with half of one, is refused`() async throws {
    let none = await #expect(throws: ConfigurationError.self) {
      try await load(environment: ["MODEL_RUNNER_TLS_ENABLED": "1", "MODEL_RUNNER_TLS_AUTO_CERT": "0"])
    }
    #expect(none?.message.hasPrefix("TLS enabled but no certificate provided and auto-cert is disabled") == true)
    let half = await #expect(throws: ConfigurationError.self) {
      try await load(environment: ["MODEL_RUNNER_TLS_ENABLED": "1", "MODEL_RUNNER_TLS_CERT": "/a.crt"])
    }
    #expect(half?.message.hasPrefix("tls-cert and tls-key must be given together") == true)
    let odd = await #expect(throws: ConfigurationError.self) {
      try await load(environment: ["MODEL_RUNNER_TLS_ENABLED": "yes"])
    }
    #expect(odd?.message == "tls is \"yes\" (environment MODEL_RUNNER_TLS_ENABLED), but it must be true or false")
  }

  @Test func `In a cloud with GPUs engines stay for longer`() async throws {
    let cloud = ["MODEL_RUNNER_ENVIRONMENT": "cloud", "NVIDIA_VISIBLE_DEVICES": "all"]
    #expect(try await load(environment: cloud).keepAlive == .seconds(8 * 3600))
    #expect(try await load(environment: ["MODEL_RUNNER_ENVIRONMENT": "cloud"]).keepAlive == .seconds(300))
    #expect(try await load(environment: cloud, file: "keep-alive: 1m\n").keepAlive == .seconds(60))
  }

  @Test func `Engine settings of the file reach the environment unless it has them`() async throws {
    let file = "llama-server-path: /opt/llama\nllama-args: [-ngl, \"0\"]\n"
    let fromFile = try await load(file: file)
    #expect(fromFile.environment["LLAMA_SERVER_PATH"] == "/opt/llama")
    #expect(fromFile.environment["LLAMA_ARGS"] == "-ngl 0")
    let both = try await load(environment: ["LLAMA_ARGS": "-v"], file: file)
    #expect(both.environment["LLAMA_ARGS"] == "-v")
    #expect(row("llama-args", both) == "-v [environment LLAMA_ARGS]")
  }

  @Test(arguments: [
    ("0", Duration.zero), ("+0", .zero), ("5s", .seconds(5)), ("300ms", .milliseconds(300)), ("1h30m", .seconds(5400)),
    ("1.5h", .seconds(5400)), (".5s", .milliseconds(500)), ("1m30.5s", .milliseconds(90500)), ("2us", .microseconds(2)),
    ("2µs", .microseconds(2)), ("2μs", .microseconds(2)), ("7ns", .nanoseconds(7)), ("-5m", .seconds(-300)),
  ]) func `Durations are read as Go does`(text: String, duration: Duration) {
    #expect(GoDuration.parse(text) == duration)
  }

  @Test(arguments: [
    "", "5", "s", "-", "+", ".", "5x", "5 s", "1h 30m", "1.2.3s", "--5s", "5s5", "1e3s", "٣s", "9999999h",
  ])
  func `Other texts are no durations`(text: String) {
    #expect(GoDuration.parse(text) == nil)
  }
}

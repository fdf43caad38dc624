// SPDX-License-Identifier: Apache-2.0

import PetrelRegistry
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How registries are reached: the part of the configuration that says so.
package struct RegistrySettings: Sendable {
  /// Of Docker Hub, in the order in which they are tried.
  package let mirrors: [RegistryEndpoint]
  package let proxies: ProxySettings
  package let trust: CertificateTrust
  /// Hosts in private networks that registries on the internet may name; see ``RegistryConfiguration``.
  package let allowedPrivateHosts: [String]
  /// `INSECURE_REGISTRY`: every registry is spoken to over plain HTTP.
  package let isInsecure: Bool
  /// Blobs that are larger are pushed in chunks of this many bytes.
  package let uploadChunk: Int64
  /// What is odd but does no harm.
  package let warnings: [String]

  /// - Parameter resolve: makes a path absolute.
  init(
    _ layers: ConfigurationLayers, userHome: FilePath, resolve: @escaping @Sendable (String) -> FilePath?,
    rows: inout [SettingRow]
  ) throws(ConfigurationError) {
    var warnings: [String] = []
    let environment = layers.environment

    let mirrorTexts = try layers.values(
      Setting("registry-mirrors", environment: "MODEL_RUNNER_REGISTRY_MIRRORS", expects: "a URL") { $0 }, rows: &rows)
    var mirrors: [RegistryEndpoint] = []
    for text in mirrorTexts {
      if let mirror = RegistryEndpoint(mirror: text) {
        mirrors.append(mirror)
      } else {
        warnings.append("registry-mirrors: \"\(Self.withoutPassword(text))\" is not a URL of a mirror; it is left out")
      }
    }
    self.mirrors = mirrors

    // Other programs read these variables too and understand other values. What is wrong there is a warning; in the
    // file and in flags it is an error.
    func accept<Value>(
      _ texts: [String], _ setting: Setting<String>, _ parse: (String) -> Value?
    ) throws(ConfigurationError) -> [Value?] {
      var values: [Value?] = []
      for text in texts {
        let value = parse(text)
        values.append(value)
        guard value == nil, let source = rows.last?.source else { continue }
        let message =
          "\(setting.key) is \"\(Self.withoutPassword(text))\" (\(source)), but it must be \(setting.expectation)"
        guard case .environment = source else { throw ConfigurationError(message: message) }
        warnings.append(message)
      }
      return values
    }
    func proxy(_ key: String, _ names: [String]) throws(ConfigurationError) -> ProxyServer? {
      let setting = Setting(
        key, environments: names, expects: "http://[user:password@]host:port or socks5://host:port",
        describe: Self.withoutPassword, parse: { $0 })
      guard let text = try layers.value(setting, rows: &rows) else { return nil }
      return try accept([text], setting) { ProxyServer(parsing: $0) }.first.map { $0 ?? .unusable }
    }
    let http = try proxy("http-proxy", ["HTTP_PROXY", "http_proxy"])
    let https = try proxy("https-proxy", ["HTTPS_PROXY", "https_proxy"])
    let all = try proxy("all-proxy", ["ALL_PROXY", "all_proxy"])
    let direct = Setting(
      "no-proxy", environments: ["NO_PROXY", "no_proxy"], expects: "a host, an address, a network or *",
      parse: { $0 })
    let exceptions = try accept(try layers.values(direct, rows: &rows), direct) { ProxyException(parsing: $0) }
    proxies = ProxySettings(http: http ?? all, https: https ?? all, exceptions: exceptions.compactMap { $0 })

    let bundle = try layers.value(
      Setting(
        "ca-bundle", environment: "PETREL_CA_BUNDLE", expects: "the path of a readable PEM file with certificates"
      ) { text in resolve(text).flatMap { FileManager.default.isReadableFile(atPath: $0.string) ? $0 : nil } },
      rows: &rows)
    var roots: FilePath?
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] where roots == nil {
      guard let text = environment[name], let path = resolve(text) else { continue }
      if FileManager.default.isReadableFile(atPath: path.string) {
        roots = path
      } else {
        warnings.append("\(name): \(path) cannot be read; the system's certificates are used")
      }
    }
    let own = environment["DOCKER_CONFIG"].flatMap { $0.isEmpty ? nil : FilePath($0) } ?? userHome.appending(".docker")
    trust = CertificateTrust(
      roots: roots, additional: bundle, hostFolders: ["/etc/docker/certs.d", own.appending("certs.d")])

    allowedPrivateHosts = try layers.values(
      Setting("allowed-private-hosts", environment: "PETREL_ALLOWED_PRIVATE_HOSTS", expects: "a host or *") {
        $0.isEmpty ? nil : $0.lowercased()
      }, rows: &rows)
    let chunk = try layers.value(
      Setting("upload-chunk", environment: "PETREL_UPLOAD_CHUNK", default: "32", expects: "a number of MiB above 0") {
        text in Int64(text).flatMap { (1...1_048_576).contains($0) ? $0 : nil }
      }, rows: &rows)
    uploadChunk = (chunk ?? 32) * 1_048_576
    isInsecure = environment["INSECURE_REGISTRY"] == "true"
    self.warnings = warnings
  }

  /// A URL without what stands before the `@`.
  static func withoutPassword(_ text: String) -> String {
    guard let at = text.lastIndex(of: "@") else { return text }
    let start = text.firstRange(of: "://")?.upperBound ?? text.startIndex
    return text[..<start] + "***" + text[at...]
  }
}

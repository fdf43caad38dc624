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

    func proxy(_ key: String, _ names: [String]) -> Setting<ProxyServer> {
      Setting(
        key, environments: names, expects: "http://[user:password@]host:port or socks5://host:port",
        describe: Self.withoutPassword
      ) { ProxyServer(parsing: $0) }
    }
    let http = try layers.value(proxy("http-proxy", ["HTTP_PROXY", "http_proxy"]), rows: &rows)
    let https = try layers.value(proxy("https-proxy", ["HTTPS_PROXY", "https_proxy"]), rows: &rows)
    let all = try layers.value(proxy("all-proxy", ["ALL_PROXY", "all_proxy"]), rows: &rows)
    let exceptions = try layers.values(
      Setting("no-proxy", environments: ["NO_PROXY", "no_proxy"], expects: "a host, an address, a network or *") {
        ProxyException(parsing: $0)
      }, rows: &rows)
    proxies = ProxySettings(http: http ?? all, https: https ?? all, exceptions: exceptions)

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

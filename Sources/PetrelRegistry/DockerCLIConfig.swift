// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The parts of the Docker CLI's `config.json` that concern credentials.
struct DockerCLIConfig: Sendable, Decodable {
  struct Entry: Sendable, Decodable {
    /// Base64 of `user:password`.
    var auth: String?
    var username: String?
    var password: String?
    var identitytoken: String?
    var registrytoken: String?
  }

  var auths: [String: Entry]?
  var credHelpers: [String: String]?
  var credsStore: String?

  /// Under this name Docker keeps the credentials of Docker Hub.
  static let dockerHubServer = "https://index.docker.io/v1/"

  /// The server name that credential helpers know a registry by.
  static func server(for registry: String) -> String {
    registry == ModelReference.dockerHub ? dockerHubServer : registry
  }

  /// The helper that is responsible for `registry`: its own, or the one for all.
  func helper(for registry: String) -> String? {
    let own = entry(for: registry, in: credHelpers ?? [:])
    let name = own ?? credsStore
    return name.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// What is stored for `registry` in the file itself. Nil when there is nothing; throws when it cannot be read.
  func storedCredential(for registry: String) throws(RegistryError) -> RegistryCredential? {
    guard let entry = entry(for: registry, in: auths ?? [:]) else { return nil }
    if let token = entry.identitytoken, !token.isEmpty { return .identityToken(token) }
    if let token = entry.registrytoken, !token.isEmpty { return .registryToken(token) }
    if let auth = entry.auth, !auth.isEmpty {
      guard let data = Data(base64Encoded: auth), let text = String(bytes: data, encoding: .utf8),
        let colon = text.firstIndex(of: ":")
      else {
        throw RegistryError(
          .invalidCredentialsFile,
          "the Docker configuration's entry for \(quoted(registry)) is not valid: \"auth\" is not base64 of "
            + "\"user:password\"; run \"docker login \(registry)\" again")
      }
      return .basic(user: String(text[..<colon]), password: String(text[text.index(after: colon)...]))
    }
    guard let user = entry.username, let password = entry.password, !user.isEmpty, !password.isEmpty else { return nil }
    return .basic(user: user, password: password)
  }

  /// Keys may be server names, hosts or URLs: an exact one wins, then the first in alphabetical order that means the
  /// same host.
  private func entry<Value>(for registry: String, in map: [String: Value]) -> Value? {
    if let exact = map[Self.server(for: registry)] ?? map[registry] { return exact }
    let wanted = Self.host(of: registry)
    return map.keys.sorted().first { Self.host(of: $0) == wanted }.flatMap { map[$0] }
  }

  private static func host(of key: String) -> String {
    var rest = Substring(key.lowercased())
    for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
    let host = String(rest.prefix { $0 != "/" })
    return ["index.docker.io", "registry-1.docker.io"].contains(host) ? ModelReference.dockerHub : host
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Decides whether a request may go to a place that a registry names: as realm of its tokens, in a redirect, for an
/// upload.
///
/// A registry chooses these places freely. Without this check a hostile one could make the daemon send requests, with
/// credentials, into the network that it runs in.
struct NetworkGuard: Sendable {
  /// What a person can do who trusts the registry.
  static let advice = "if this is right, add the host to the setting allowed-private-hosts"

  /// Hosts, with or without port, that any registry may name; `*` for all.
  var allowedPrivateHosts: Set<String>
  /// The numeric addresses of a host.
  var addresses: @Sendable (String) async -> [String] = NetworkScope.addresses(of:)
  /// Whether a request goes through a proxy. Then it is the proxy that looks names up; here they may not be known.
  var isProxied: @Sendable (URL) -> Bool = { _ in false }

  /// How far a request to `url` may go. Nil: it must not be sent.
  ///
  /// A registry that is itself in a private network may name any place, and itself in any case.
  func reach(of url: URL, onBehalfOf registryHost: String) async -> Reach? {
    let host = NetworkScope.normalized(url.host ?? "")
    let registry = NetworkScope.normalized(registryHost)
    if host == registry || isAllowed(host, port: url.port) { return .anywhere }
    let isPlain = NetworkScope.isPrivateName(host) || NetworkScope.isPrivateAddress(host) != nil
    if !isPlain, isProxied(url) { return .publicNetworks }
    guard await numericAddresses(of: host).contains(where: isPrivate) else { return .publicNetworks }
    let registryAddresses = await numericAddresses(of: registry)
    return !registryAddresses.isEmpty && registryAddresses.allSatisfy(isPrivate) ? .anywhere : nil
  }

  /// - Returns: how far the request for a token may go.
  func check(realm: URL, for endpoint: RegistryEndpoint) async throws(RegistryError) -> Reach {
    guard let host = realm.host, !host.isEmpty, let scheme = realm.scheme?.lowercased(),
      scheme == "https" || scheme == "http", realm.user == nil
    else {
      throw refusal(of: realm, "it is not a usable URL")
    }
    guard scheme == "https" || endpoint.scheme == "http" else {
      throw refusal(of: realm, "it is not https, while the registry is")
    }
    guard let reach = await reach(of: realm, onBehalfOf: endpoint.host) else {
      throw refusal(of: realm, "it is in a private network, while the registry is not; \(Self.advice)")
    }
    return reach
  }

  /// - Returns: how far the request that `location` asks for may go.
  func check(location: URL, from source: URL, onBehalfOf registryHost: String) async throws(RegistryError) -> Reach {
    guard let reach = await reach(of: location, onBehalfOf: registryHost) else {
      throw RegistryError(
        .refusedRedirect,
        "\(quoted(source.host ?? "")) leads to \(quoted(location.host ?? "")), which is in a private network, while "
          + "the registry is not; refused (\(Self.advice))")
    }
    return reach
  }

  private func isAllowed(_ host: String, port: Int?) -> Bool {
    let bracketed = host.contains(":") ? "[\(host)]" : host
    return allowedPrivateHosts.contains("*") || allowedPrivateHosts.contains(host)
      || allowedPrivateHosts.contains(bracketed)
      || port.map { allowedPrivateHosts.contains("\(bracketed):\($0)") } ?? false
  }

  private func numericAddresses(of host: String) async -> [String] {
    if NetworkScope.isPrivateName(host) { return ["127.0.0.1"] }
    return NetworkScope.isPrivateAddress(host) == nil ? await addresses(host) : [host]
  }

  /// An address that cannot be read, such as one with a zone, is not trusted to be public.
  private func isPrivate(_ address: String) -> Bool {
    NetworkScope.isPrivateAddress(address) ?? true
  }

  private func refusal(of realm: URL, _ reason: String) -> RegistryError {
    RegistryError(.refusedRealm, "realm URL rejected: \(quoted(realm.host ?? "")): \(reason)")
  }
}

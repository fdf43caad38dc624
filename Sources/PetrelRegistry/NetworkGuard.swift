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
///
/// What a name means is not asked for here: it could mean something else a moment later. Whether a registry is in a
/// private network tells the connection over which it has named the place. Whether the place is, tells the connection
/// to it, which is closed before anything is sent (``RegistryConnections``).
struct NetworkGuard: Sendable {
  /// What a person can do who trusts the registry.
  static let advice = "if this is right, add the host to the setting allowed-private-hosts"

  /// Hosts, with or without port, that any registry may name; `*` for all.
  var allowedPrivateHosts: Set<String>
  /// The numeric addresses of a host, for registries that are spoken to through a proxy.
  var addresses: @Sendable (String) async -> [String] = NetworkScope.addresses(of:)

  /// How far a request to `url` may go. Nil: it must not be sent.
  ///
  /// A registry that is itself in a private network may name any place, and itself in any case.
  func reach(of url: URL, for namer: PlaceNamer) async -> Reach? {
    let host = NetworkScope.normalized(url.host ?? "")
    if host == NetworkScope.normalized(namer.host) || isAllowed(host, port: url.port) { return .anywhere }
    if await isPrivate(namer) { return .anywhere }
    return NetworkScope.isPrivateName(host) || NetworkScope.isPrivateAddress(host) == true ? nil : .publicNetworks
  }

  /// - Returns: how far the request for a token may go.
  func check(
    realm: URL, for endpoint: RegistryEndpoint, namedBy namer: PlaceNamer
  ) async throws(RegistryError) -> Reach {
    guard let host = realm.host, !host.isEmpty, let scheme = realm.scheme?.lowercased(),
      scheme == "https" || scheme == "http", realm.user == nil
    else {
      throw refusal(of: realm, "it is not a usable URL")
    }
    guard scheme == "https" || endpoint.scheme == "http" else {
      throw refusal(of: realm, "it is not https, while the registry is")
    }
    guard let reach = await reach(of: realm, for: namer) else { throw refusal(ofPrivate: realm) }
    return reach
  }

  /// For a realm that turns out to be in a private network.
  func refusal(ofPrivate realm: URL) -> RegistryError {
    refusal(of: realm, "it is in a private network, while the registry is not; \(Self.advice)")
  }

  /// - Returns: how far the request that `location` asks for may go.
  func check(
    location: URL, from source: URL? = nil, namedBy namer: PlaceNamer
  ) async throws(RegistryError) -> Reach {
    guard let reach = await reach(of: location, for: namer) else {
      throw refusal(of: location, from: source?.host ?? namer.host)
    }
    return reach
  }

  /// For a place that turns out to be in a private network.
  func refusal(of location: URL, from source: String) -> RegistryError {
    RegistryError(
      .refusedRedirect,
      "\(quoted(source)) leads to \(quoted(location.host ?? "")), which is in a private network, while "
        + "the registry is not; refused (\(Self.advice))")
  }

  private func isAllowed(_ host: String, port: Int?) -> Bool {
    let bracketed = host.contains(":") ? "[\(host)]" : host
    return allowedPrivateHosts.contains("*") || allowedPrivateHosts.contains(host)
      || allowedPrivateHosts.contains(bracketed)
      || port.map { allowedPrivateHosts.contains("\(bracketed):\($0)") } ?? false
  }

  private func isPrivate(_ namer: PlaceNamer) async -> Bool {
    if let network = namer.network { return network == .privateNetwork }
    let host = NetworkScope.normalized(namer.host)
    if NetworkScope.isPrivateName(host) { return true }
    if let isPrivate = NetworkScope.isPrivateAddress(host) { return isPrivate }
    let known = await addresses(host)
    return !known.isEmpty && known.allSatisfy { NetworkScope.isPrivateAddress($0) == true }
  }

  private func refusal(of realm: URL, _ reason: String) -> RegistryError {
    RegistryError(.refusedRealm, "realm URL rejected: \(quoted(realm.host ?? "")): \(reason)")
  }
}

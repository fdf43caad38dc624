// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Decides whether a token may be asked for at the place that a registry names.
///
/// A registry chooses the realm freely. Without this check a hostile one could make the daemon send requests, with
/// credentials, into the network that it runs in.
struct RealmGuard: Sendable {
  let allowsPrivateRealms: Bool
  /// The numeric addresses of a host.
  var addresses: @Sendable (String) async -> [String] = NetworkScope.addresses(of:)

  /// - Returns: the address to dial, so that the name cannot mean another one a moment later; nil when any will do.
  func check(realm: URL, for endpoint: RegistryEndpoint) async throws(RegistryError) -> String? {
    guard let host = realm.host, !host.isEmpty, let scheme = realm.scheme?.lowercased(),
      scheme == "https" || scheme == "http", realm.user == nil
    else {
      throw refusal(of: realm, "it is not a usable URL")
    }
    guard scheme == "https" || endpoint.scheme == "http" else {
      throw refusal(of: realm, "it is not https, while the registry is")
    }
    let registryHost = URL(string: "\(endpoint.scheme)://\(endpoint.authority)")?.host ?? endpoint.authority
    if allowsPrivateRealms || host.lowercased() == registryHost.lowercased() { return nil }
    let realmAddresses = await numericAddresses(of: host)
    guard realmAddresses.contains(where: isPrivate) else { return realmAddresses.first }
    let registryAddresses = await numericAddresses(of: registryHost)
    guard !registryAddresses.isEmpty, registryAddresses.allSatisfy(isPrivate) else {
      throw refusal(of: realm, "it is in a private network, while the registry is not")
    }
    return nil
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

// SPDX-License-Identifier: Apache-2.0

/// What proves to a registry who is asking.
package enum RegistryCredential: Sendable, Hashable {
  case anonymous
  case basic(user: String, password: String)
  /// Exchanged for an access token with the `refresh_token` grant.
  case identityToken(String)
  /// An access token, sent as it is.
  case registryToken(String)
}

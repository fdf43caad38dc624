// SPDX-License-Identifier: Apache-2.0

/// A server that names places for requests to go to.
package struct PlaceNamer: Sendable, Hashable {
  let host: String
  /// Where the connection led over which it named the place. Nil behind a proxy, which alone knows.
  let network: PeerNetwork?
}

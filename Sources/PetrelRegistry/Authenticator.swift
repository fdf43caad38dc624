// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// Keeps the `Authorization` headers that registries have accepted, and gets new ones when they ask.
actor Authenticator {
  private struct Key: Hashable {
    let endpoint: RegistryEndpoint
    /// One or more, separated by blanks.
    let scope: String
  }

  private struct Entry {
    let header: String
    /// Nil: until it is refused.
    let expiry: ContinuousClock.Instant?
  }

  /// A token that is about to expire counts as expired.
  private static let margin = Duration.seconds(10)
  private static let maximumEntries = 256

  private let credentials: RegistryCredentials
  private let tokenService: TokenService
  private var entries: [Key: Entry] = [:]
  /// For what registries have asked for credentials.
  private var challenged: Set<Key> = []
  private var running: [Key: Task<String, any Error>] = [:]

  init(credentials: RegistryCredentials, tokenService: TokenService) {
    self.credentials = credentials
    self.tokenService = tokenService
  }

  /// The header that was good the last time, if it still is.
  func header(for endpoint: RegistryEndpoint, scope: String) -> String? {
    let key = Key(endpoint: endpoint, scope: scope)
    guard let entry = entries[key] else { return nil }
    if let expiry = entry.expiry, expiry - Self.margin <= .now {
      entries[key] = nil
      return nil
    }
    return entry.header
  }

  /// Whether the registry has asked for credentials for this before.
  func hasAnswered(for endpoint: RegistryEndpoint, scope: String) -> Bool {
    challenged.contains(Key(endpoint: endpoint, scope: scope))
  }

  /// A new header that answers `challenges`. Callers that ask for the same at the same time share one exchange.
  ///
  /// - Parameters:
  ///   - namer: who has sent the challenges.
  ///   - refused: the header that the challenged request carried.
  func answer(
    _ challenges: [AuthChallenge], from endpoint: RegistryEndpoint, as namer: PlaceNamer, scope: String,
    refused: String?
  ) async throws -> String {
    let key = Key(endpoint: endpoint, scope: scope)
    if let header = header(for: endpoint, scope: scope), header != refused { return header }
    entries[key] = nil
    if let task = running[key] { return try await task.value }
    // Not a child: the exchange belongs to all who wait for it. It ends by itself, its requests have timeouts.
    let task = Task { try await exchange(challenges, namer, key) }
    running[key] = task
    return try await task.value
  }

  private func exchange(_ challenges: [AuthChallenge], _ namer: PlaceNamer, _ key: Key) async throws -> String {
    defer { running[key] = nil }
    let endpoint = key.endpoint
    let credential = try await credentials.credential(for: endpoint.registry)
    let entry: Entry
    if case .registryToken(let token) = credential {
      entry = Entry(header: "Bearer " + token, expiry: nil)
    } else if let bearer = challenges.first(where: { $0.scheme == "bearer" }) {
      let token = try await tokenService.token(
        for: bearer, at: endpoint, namedBy: namer, scopes: key.scope.split(separator: " ").map(String.init),
        credential: credential)
      entry = Entry(header: "Bearer " + token.value, expiry: .now + token.lifetime)
    } else if challenges.contains(where: { $0.scheme == "basic" }), case .basic(let user, let password) = credential {
      entry = Entry(header: BasicAuth.header(user: user, password: password), expiry: nil)
    } else {
      let login = endpoint.registry == ModelReference.dockerHub ? "docker login" : "docker login \(endpoint.registry)"
      throw RegistryError(.unauthorized, "\(endpoint.registry) requires authentication; run \"\(login)\"")
    }
    if entries.count >= Self.maximumEntries { entries.removeAll() }
    if challenged.count >= Self.maximumEntries { challenged.removeAll() }
    entries[key] = entry
    challenged.insert(key)
    return entry.header
  }
}

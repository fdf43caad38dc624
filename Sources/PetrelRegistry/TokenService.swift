// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Asks the token server that a `Bearer` challenge names for an access token. Every such request passes the
/// ``NetworkGuard``, and redirects are not followed, so the guard has the last word.
///
/// Source: Docker Registry v2 authentication, "token" and "oauth2".
struct TokenService: Sendable {
  struct Token: Sendable {
    let value: String
    let lifetime: Duration
  }

  private struct Answer: Decodable {
    var token: String?
    var accessToken: String?
    var expiresIn: Int?

    enum CodingKeys: String, CodingKey {
      case token
      case accessToken = "access_token"
      case expiresIn = "expires_in"
    }
  }

  let transport: RegistryTransport

  /// - Parameter scopes: what to ask for besides the scopes that the challenge names.
  func token(
    for challenge: AuthChallenge, at endpoint: RegistryEndpoint, namedBy namer: PlaceNamer, scopes: [String],
    credential: RegistryCredential
  ) async throws -> Token {
    guard let realm = challenge.parameters["realm"].flatMap({ URL(string: $0) }) else {
      throw RegistryError(.invalidResponse, "\(endpoint.authority) asks for a token but does not say where to get one")
    }
    let reach = try await transport.networkGuard.check(realm: realm, for: endpoint, namedBy: namer)
    let named = (challenge.parameters["scope"] ?? "").split(separator: " ").map(String.init)
    let allScopes = Set(scopes + named).sorted()
    let service = challenge.parameters["service"]
    let response: RegistryResponse
    do {
      response = try await send(to: realm, reach, service, allScopes, credential, endpoint)
    } catch let error as RegistryError where error.code == .refusedRedirect {
      throw transport.networkGuard.refusal(ofPrivate: realm)
    }
    guard response.status == .ok else {
      await response.body.discard()
      throw failure(response, endpoint)
    }
    return try await read(response, endpoint)
  }

  private func send(
    to realm: URL, _ reach: Reach, _ service: String?, _ scopes: [String], _ credential: RegistryCredential,
    _ endpoint: RegistryEndpoint
  ) async throws -> RegistryResponse {
    let subject = "authentication for \(endpoint.registry)"
    var fields = service.map { [URLQueryItem(name: "service", value: $0)] } ?? []
    if case .identityToken(let token) = credential {
      fields += [
        URLQueryItem(name: "grant_type", value: "refresh_token"), URLQueryItem(name: "refresh_token", value: token),
        URLQueryItem(name: "client_id", value: "petrel"),
        URLQueryItem(name: "scope", value: scopes.joined(separator: " ")),
      ]
      let form = FormEncoding.encode(fields)
      let headers: HTTPHeaders = ["Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"]
      return try await transport.send(
        .POST, realm, headers: headers, body: ByteBuffer(string: form), reach: reach, subject: subject)
    }
    fields += scopes.map { URLQueryItem(name: "scope", value: $0) }
    var headers: HTTPHeaders = ["Accept": "application/json"]
    if case .basic(let user, let password) = credential {
      headers.add(name: "Authorization", value: BasicAuth.header(user: user, password: password))
    }
    let separator = realm.absoluteString.contains("?") ? "&" : "?"
    guard let url = URL(string: realm.absoluteString + separator + FormEncoding.encode(fields)) else {
      throw RegistryError(.invalidResponse, "\(subject): the realm cannot be used")
    }
    return try await transport.send(.GET, url, headers: headers, reach: reach, subject: subject)
  }

  private func read(_ response: RegistryResponse, _ endpoint: RegistryEndpoint) async throws -> Token {
    let bytes = try await response.body.collect(upTo: 1024 * 1024)
    let answer = try? JSONDecoder().decode(Answer.self, from: Data(bytes))
    let value = [answer?.token, answer?.accessToken].compactMap { $0 }.first { !$0.isEmpty }
    guard let value, value.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw RegistryError(.invalidResponse, "authentication for \(endpoint.registry): the answer holds no token")
    }
    // 60 seconds: what the token specification says of servers that do not tell.
    return Token(value: value, lifetime: .seconds(min(max(answer?.expiresIn ?? 60, 0), 86_400)))
  }

  private func failure(_ response: RegistryResponse, _ endpoint: RegistryEndpoint) -> RegistryError {
    let code = RegistryError.Code(status: response.status)
    switch code {
    case .rateLimited, .unavailable:
      return RegistryError(
        code, "authentication for \(endpoint.registry): the token server answers \(response.status.code)",
        retryAfter: RegistryError.retryAfter(response.headers))
    default:
      return RegistryError(
        .unauthorized,
        "authentication for \(endpoint.registry) failed: the token server answers \(response.status.code); "
          + "run \"docker login\(endpoint.registry == ModelReference.dockerHub ? "" : " " + endpoint.registry)\"")
    }
  }
}

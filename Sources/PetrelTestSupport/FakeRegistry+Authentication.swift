// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension FakeRegistry.State {
  /// The 401 for a request that may not do what `scope` says; nil when it may.
  func challenge(_ headers: HTTPHeaders, scope: String) -> FakeResponse? {
    let authorization = headers.first(name: "Authorization") ?? ""
    var response = FakeResponse.failure(.unauthorized, "UNAUTHORIZED")
    switch authentication {
    case .none:
      return nil
    case .basic(let user, let password):
      if authorization == basic(user, password) { return nil }
      response.headers.add(name: "WWW-Authenticate", value: #"Basic realm="a \"quoted\", realm""#)
    case .token(let realm, _, _, _, _):
      if let scopes = tokens[String(authorization.dropFirst("Bearer ".count))], allows(scopes, scope) { return nil }
      let realm = realm ?? "http://127.0.0.1:\(port)/token"
      response.headers.add(name: "WWW-Authenticate", value: #"Basic realm="other", charset="UTF-8""#)
      response.headers.add(
        name: "WWW-Authenticate", value: #"Bearer realm="\#(realm)",service="fake registry",scope="\#(scope)""#)
    }
    return response
  }

  /// Gives out a token, as the token server of a registry does.
  mutating func token(
    _ method: HTTPMethod, _ query: String, _ headers: HTTPHeaders, _ body: ByteBuffer
  ) -> FakeResponse {
    guard case .token(_, let user, let password, let identityToken, let expiresIn) = authentication else {
      return FakeResponse(.notFound)
    }
    let fields = parameters(method == .POST ? String(buffer: body) : query)
    if let identityToken, fields["refresh_token"] != [identityToken] || fields["grant_type"] != ["refresh_token"] {
      return FakeResponse(.unauthorized)
    }
    if let user, let password, headers.first(name: "Authorization") != basic(user, password) {
      return FakeResponse(.unauthorized)
    }
    guard fields["service"] == ["fake registry"] else { return FakeResponse(.badRequest) }
    tokenCount += 1
    let token = "token-\(tokenCount)"
    tokens[token] = Set((fields["scope"] ?? []).flatMap { $0.split(separator: " ").map(String.init) })
    return FakeResponse(
      .ok, headers: ["Content-Type": "application/json"],
      body: ByteBuffer(string: #"{"access_token":"\#(token)","expires_in":\#(expiresIn)}"#))
  }

  /// Names and values of a query or a form, decoded.
  func parameters(_ query: String) -> [String: [String]] {
    let items = URLComponents(string: "/?" + query)?.queryItems ?? []
    return items.reduce(into: [:]) { $0[$1.name, default: []].append($1.value ?? "") }
  }

  /// Whether one of `scopes` covers `wanted`; one for pushing covers pulling.
  private func allows(_ scopes: Set<String>, _ wanted: String) -> Bool {
    scopes.contains { $0 == wanted || $0 == wanted + ",push" }
  }

  private func basic(_ user: String, _ password: String) -> String {
    "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
  }
}

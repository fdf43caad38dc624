// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import NIOHTTP1
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A token server as Docker's registry expects one: everybody who knows the password gets what is asked for, signed
/// with ES256.
///
/// Source: Docker Registry v2 authentication, "token" and "jwt".
package final class TokenServer: Sendable {
  package static let issuer = "petrel tests"
  package static let service = "registry"

  private let key: P256.Signing.PrivateKey
  /// Base64 of the DER form.
  private let certificate: String
  private let authorization: String
  private let asked = Mutex<[String]>([])
  private let server = Mutex<FakeServer?>(nil)

  private init(key: String, certificate: String, credentials: String) throws {
    self.key = try P256.Signing.PrivateKey(pemRepresentation: key)
    self.certificate = certificate.split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
    authorization = "Basic " + Data(credentials.utf8).base64EncodedString()
  }

  /// Runs `body` with a token server that is shut down afterwards.
  ///
  /// - Parameters:
  ///   - key: a P-256 key, PEM.
  ///   - certificate: of this key, PEM; the registry must trust it.
  ///   - credentials: `user:password`.
  package static func with<Result>(
    key: String, certificate: String, credentials: String, isolation: isolated (any Actor)? = #isolation,
    _ body: (TokenServer) async throws -> Result
  ) async throws -> Result {
    let tokens = try TokenServer(key: key, certificate: certificate, credentials: credentials)
    let server = try await FakeServer.start { [weak tokens] head, _ in
      tokens?.answer(head) ?? FakeResponse(.serviceUnavailable)
    }
    tokens.server.withLock { $0 = server }
    do {
      let result = try await body(tokens)
      await server.shutdown()
      return result
    } catch {
      await server.shutdown()
      throw error
    }
  }

  package var realm: String { "http://127.0.0.1:\(server.withLock { $0?.port ?? 0 })/token" }

  /// The scopes that were asked for with the right password, in each request.
  package var scopes: [String] { asked.withLock { $0 } }

  private func answer(_ head: HTTPRequestHead) -> FakeResponse {
    guard head.headers.first(name: "Authorization") == authorization else { return FakeResponse(.unauthorized) }
    let items = URLComponents(string: head.uri)?.queryItems ?? []
    let scopes = items.filter { $0.name == "scope" }.compactMap(\.value)
      .flatMap { $0.split(separator: " ").map(String.init) }
    asked.withLock { $0.append(scopes.joined(separator: " ")) }
    guard let token = try? token(for: scopes) else { return FakeResponse(.internalServerError) }
    return FakeResponse(
      .ok, headers: ["Content-Type": "application/json"],
      body: ByteBuffer(string: #"{"token":"\#(token)","expires_in":300}"#))
  }

  private func token(for scopes: [String]) throws -> String {
    struct Access: Encodable {
      let type: String
      let name: String
      let actions: [String]
    }
    struct Claims: Encodable {
      let iss, sub, aud, jti: String
      let nbf, iat, exp: Int
      let access: [Access]
    }
    struct Header: Encodable {
      let typ = "JWT"
      let alg = "ES256"
      let x5c: [String]
    }
    let now = Int(Date().timeIntervalSince1970)
    let access = scopes.compactMap { scope -> Access? in
      let parts = scope.split(separator: ":")
      guard parts.count == 3 else { return nil }
      return Access(
        type: String(parts[0]), name: String(parts[1]), actions: parts[2].split(separator: ",").map(String.init))
    }
    let claims = Claims(
      iss: Self.issuer, sub: "tester", aud: Self.service, jti: "\(UInt64.random(in: .min ... .max))", nbf: now - 30,
      iat: now, exp: now + 300, access: access)
    let encoder = JSONEncoder()
    let text =
      Self.base64(try encoder.encode(Header(x5c: [certificate]))) + "." + Self.base64(try encoder.encode(claims))
    return text + "." + Self.base64(try key.signature(for: Data(text.utf8)).rawRepresentation)
  }

  private static func base64(_ data: Data) -> String {
    data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }
}

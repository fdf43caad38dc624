// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Reads from web servers that are no registries by the same rules: credentials do not leave their origin when a
/// redirect is followed, silence has an end, failures are ``RegistryError``.
package struct WebReader: Sendable {
  let transport: RegistryTransport
  package let retryPolicy: RetryPolicy

  /// One GET, redirects followed.
  ///
  /// - Parameter subject: what is asked for, for messages.
  package func get(_ url: URL, headers: HTTPHeaders = [:], subject: String) async throws -> WebAnswer {
    WebAnswer(response: try await transport.read(.GET, url, headers: headers, subject: subject))
  }

  /// One GET of one of many parts of the same content. Where an earlier one was redirected to another server, this one
  /// goes there, without credentials; if it is refused there, as such addresses expire, it goes to `url`.
  package func get(
    _ url: URL, headers: HTTPHeaders, via route: BlobRoute, subject: String
  ) async throws -> WebAnswer {
    if let place = route.place {
      var bare = headers
      bare.remove(name: "Authorization")
      // `url`'s server chose the place: what held for the redirect holds for each request that follows.
      let response = try await transport.read(
        .GET, place.url, headers: bare, reach: place.reach, namedBy: place.namer, subject: subject)
      if [.ok, .partialContent].contains(response.status) { return WebAnswer(response: response) }
      await response.body.discard()
      route.forget()
    }
    let response = try await transport.read(.GET, url, headers: headers, subject: subject)
    if [.ok, .partialContent].contains(response.status),
      RedirectRule.origin(of: response.url) != RedirectRule.origin(of: url)
    {
      route.learn(BlobRoute.Place(url: response.url, reach: response.reach, namer: response.namer))
    }
    return WebAnswer(response: response)
  }

  /// One request whose redirects are not followed.
  package func send(
    _ method: HTTPMethod, _ url: URL, headers: HTTPHeaders = [:], body: ByteBuffer? = nil, subject: String
  ) async throws -> WebAnswer {
    WebAnswer(response: try await transport.send(method, url, headers: headers, body: body, subject: subject))
  }
}

/// The head of an answer, and its body as it arrives.
package struct WebAnswer: Sendable {
  let response: RegistryResponse

  package var status: HTTPResponseStatus { response.status }
  package var headers: HTTPHeaders { response.headers }
  /// Where it came from, redirects followed.
  package var url: URL { response.url }
  package var body: ResponseBody { response.body }
  /// Who answers for the places that it names.
  package var namer: PlaceNamer { response.namer }

  /// The pause that a refusing server asks for.
  package var retryAfter: Duration? { RegistryError.retryAfter(response.headers) }

  /// Which bytes a partial answer has, and the length of the whole, where it says.
  package var range: (bytes: Range<Int64>, total: Int64?)? {
    response.headers.first(name: "Content-Range").flatMap(ContentRange.init).map { ($0.start..<$0.end + 1, $0.total) }
  }

  /// The entity tag, if it is a strong one: bytes with another tag from the same origin may be others.
  package var tag: String? {
    response.headers.first(name: "ETag").flatMap { $0.hasPrefix("W/") ? nil : $0 }
  }

  /// Scheme, host and port that it came from, redirects followed.
  package var origin: String { RedirectRule.origin(of: response.url).joined(separator: " ") }

  /// The body, required to have exactly `length` bytes.
  package func body(of length: Int64) -> ResponseBody { response.body.expecting(length) }

  /// All bytes, when there are at most `limit`.
  package func bytes(upTo limit: Int) async throws -> [UInt8] { try await response.body.collect(upTo: limit) }

  /// Reads what nobody wants, so that the connection can be used again.
  package func discard() async { await response.body.discard() }
}

extension RegistryClient {
  /// For reading from other servers through the same connections, proxies and rules.
  package var web: WebReader { WebReader(transport: transport, retryPolicy: configuration.retryPolicy) }
}

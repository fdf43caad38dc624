// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore
import NIOHTTP1

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The head of a response, and its body as it arrives.
struct RegistryResponse: Sendable {
  let status: HTTPResponseStatus
  let headers: HTTPHeaders
  /// Where it came from, redirects followed.
  let url: URL
  /// How far the request might go.
  let reach: Reach
  /// Who answers for the places that the response names: the server that the first request went to, or who named that.
  var namer: PlaceNamer
  let body: ResponseBody
}

/// Sends single HTTP requests. Knows nothing of registries but their redirects.
struct RegistryTransport: Sendable {
  let connections: RegistryConnections
  let networkGuard: NetworkGuard
  let stallTimeout: Duration
  let userAgent: String

  /// One request, one response, redirects not followed.
  func send(
    _ method: HTTPMethod, _ url: URL, headers: HTTPHeaders = [:], body: ByteBuffer? = nil, reach: Reach = .anywhere,
    subject: String
  ) async throws -> RegistryResponse {
    let (client, tls) = try connections.client(for: url, reach: reach)
    let request: HTTPClient.Request
    do {
      request = try HTTPClient.Request(
        url: url, method: method, headers: withUserAgent(headers), body: body.map { .byteBuffer($0) },
        tlsConfiguration: tls)
    } catch {
      throw RegistryError(.invalidResponse, "\(subject): the URL cannot be used")
    }
    let (head, body) = try await ResponseReceiver.send(
      request, with: client, subject: subject, stallTimeout: stallTimeout)
    var received = head.headers
    let namer = namer(at: url, takingNoteFrom: &received)
    return RegistryResponse(status: head.status, headers: received, url: url, reach: reach, namer: namer, body: body)
  }

  /// A request without a body, `GET` or `HEAD`, whose redirects are followed as far as the network guard allows.
  ///
  /// - Parameters:
  ///   - reach: of the first request.
  ///   - namer: the registry that has named `url`; nil if that is the registry itself.
  func read(
    _ method: HTTPMethod, _ url: URL, headers: HTTPHeaders, reach: Reach = .anywhere, namedBy namer: PlaceNamer? = nil,
    subject: String
  ) async throws -> RegistryResponse {
    var namer = namer
    var source: URL?
    var url = url
    var headers = headers
    var reach = reach
    for _ in 0...RedirectRule.maximumRedirects {
      var response: RegistryResponse
      do {
        response = try await send(method, url, headers: headers, reach: reach, subject: subject)
      } catch let error as RegistryError where error.code == .refusedRedirect {
        guard let host = source?.host ?? namer?.host else { throw error }
        throw networkGuard.refusal(of: url, from: host)
      }
      response.namer = namer ?? response.namer
      namer = response.namer
      guard RedirectRule.isRedirect(response.status) else { return response }
      await response.body.discard()
      let place = url
      source = place
      (url, headers) = try RedirectRule.follow(
        location: response.headers.first(name: "Location"), from: place, headers: headers)
      reach = try await networkGuard.check(location: url, from: place, namedBy: response.namer)
    }
    throw RegistryError(.refusedRedirect, "\(subject): stopped after \(RedirectRule.maximumRedirects) redirects")
  }

  /// Who has answered a request to `url`.
  func namer(at url: URL, takingNoteFrom headers: inout HTTPHeaders) -> PlaceNamer {
    let network = PeerNetwork.takeNote(from: &headers)
    // The address of a proxy tells nothing about whom it speaks to.
    return PlaceNamer(host: url.host ?? "", network: connections.isProxied(url) ? nil : network)
  }

  func withUserAgent(_ headers: HTTPHeaders) -> HTTPHeaders {
    var headers = headers
    headers.replaceOrAdd(name: "User-Agent", value: userAgent)
    return headers
  }
}

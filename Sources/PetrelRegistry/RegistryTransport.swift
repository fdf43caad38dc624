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
    return RegistryResponse(status: head.status, headers: head.headers, url: url, reach: reach, body: body)
  }

  /// A request without a body, `GET` or `HEAD`, whose redirects are followed as far as the network guard allows.
  ///
  /// - Parameters:
  ///   - reach: of the first request.
  ///   - registryHost: the registry that has named `url`; nil if that is the registry itself.
  func read(
    _ method: HTTPMethod, _ url: URL, headers: HTTPHeaders, reach: Reach = .anywhere,
    onBehalfOf registryHost: String? = nil, subject: String
  ) async throws -> RegistryResponse {
    let registryHost = registryHost ?? url.host ?? ""
    var url = url
    var headers = headers
    var reach = reach
    for _ in 0...RedirectRule.maximumRedirects {
      let response = try await send(method, url, headers: headers, reach: reach, subject: subject)
      guard RedirectRule.isRedirect(response.status) else { return response }
      await response.body.discard()
      let source = url
      (url, headers) = try RedirectRule.follow(
        location: response.headers.first(name: "Location"), from: source, headers: headers)
      reach = try await networkGuard.check(location: url, from: source, onBehalfOf: registryHost)
    }
    throw RegistryError(.refusedRedirect, "\(subject): stopped after \(RedirectRule.maximumRedirects) redirects")
  }

  func withUserAgent(_ headers: HTTPHeaders) -> HTTPHeaders {
    var headers = headers
    headers.replaceOrAdd(name: "User-Agent", value: userAgent)
    return headers
  }
}

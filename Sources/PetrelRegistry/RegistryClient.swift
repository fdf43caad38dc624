// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Talks to container registries.
///
/// Small requests are repeated here when that can help; a blob's stream is one attempt, its reader resumes it.
/// Every call throws ``RegistryError`` or `CancellationError`.
///
/// Source: OCI distribution specification 1.1.
package struct RegistryClient: Sendable {
  /// What the caller is going to do with a repository, as token scopes name it.
  enum Access: String {
    case pull
    case push = "pull,push"

    var verb: String { self == .pull ? "pull" : "push" }
  }

  let transport: RegistryTransport
  let configuration: RegistryConfiguration
  let authenticator: Authenticator
  let logger: Logger

  /// - Parameter httpClient: made with ``configuration()``; the caller shuts it down.
  package init(
    httpClient: HTTPClient, credentials: RegistryCredentials, configuration: RegistryConfiguration, logger: Logger
  ) {
    self.init(
      connections: RegistryConnections(client: httpClient), credentials: credentials, configuration: configuration,
      logger: logger)
  }

  /// - Parameter connections: the caller shuts them down.
  package init(
    connections: RegistryConnections, credentials: RegistryCredentials, configuration: RegistryConfiguration,
    logger: Logger
  ) {
    transport = RegistryTransport(
      connections: connections,
      networkGuard: NetworkGuard(
        allowedPrivateHosts: configuration.allowedPrivateHosts),
      stallTimeout: configuration.stallTimeout, userAgent: configuration.userAgent)
    authenticator = Authenticator(credentials: credentials, tokenService: TokenService(transport: transport))
    self.configuration = configuration
    self.logger = logger
  }

  /// How the HTTP client must be set up: redirects are followed here and not there, bodies have no deadline, and a
  /// failed connection is reported at once, because requests are repeated with pauses.
  package static func configuration() -> HTTPClient.Configuration {
    configuration(BodyBlocks(), network: PeerNetwork.of)
  }

  /// - Parameters:
  ///   - blocks: memory for long bodies.
  ///   - network: to what network an address belongs.
  static func configuration(
    _ blocks: BodyBlocks, network: @escaping @Sendable (SocketAddress?) -> PeerNetwork
  ) -> HTTPClient.Configuration {
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow, timeout: .init(connect: .seconds(30)), decompression: .disabled)
    configuration.httpVersion = .http1Only
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
    // A fast connection is read in large pieces: each costs the same, whatever its size.
    configuration.http1_1ConnectionDebugInitializer = { channel in
      channel.setOption(
        ChannelOptions.recvAllocator,
        value: AdaptiveRecvByteBufferAllocator(minimum: 16 * 1024, initial: 64 * 1024, maximum: 256 * 1024)
      ).flatMapThrowing {
        let pipeline = channel.pipeline.syncOperations
        let parser = try pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)
        try pipeline.addHandlers(
          [BodyCollector(blocks), PeerNoteHandler(network(channel.remoteAddress))], position: .after(parser))
      }
    }
    return configuration
  }

  /// Sends a request about `reference`'s repository and answers the registry's challenge when there is one.
  ///
  /// - Parameters:
  ///   - path: below the repository: `manifests/latest`.
  ///   - bearerToken: sent instead of what the challenge flow would find.
  ///   - alsoReading: another repository of the registry that the request concerns.
  func send(
    _ method: HTTPMethod, _ path: String, of reference: ModelReference, at endpoint: RegistryEndpoint, access: Access,
    bearerToken: String?, headers: HTTPHeaders = [:], body: ByteBuffer? = nil, alsoReading other: String? = nil
  ) async throws -> RegistryResponse {
    let url = try endpoint.url(reference.repository, path)
    let subject = "\(method.rawValue) \(reference.repository)/\(path) at \(endpoint.authority)"
    let scope = Self.scope(reference, access) + (other.map { " repository:\($0):pull" } ?? "")
    return try await authorized(url, at: endpoint, scope: scope, bearerToken: bearerToken) { authorization in
      var headers = headers
      if let authorization { headers.replaceOrAdd(name: "Authorization", value: authorization) }
      return method == .GET || method == .HEAD
        ? try await transport.read(method, url, headers: headers, subject: subject)
        : try await transport.send(method, url, headers: headers, body: body, subject: subject)
    }
  }

  /// The scope of a token for this, as registries name it.
  static func scope(_ reference: ModelReference, _ access: Access) -> String {
    "repository:\(reference.repository):\(access.rawValue)"
  }

  /// Calls `attempt` with the `Authorization` that is known to be good, and again with a new one when the registry
  /// asks for it.
  func authorized(
    _ url: URL, at endpoint: RegistryEndpoint, scope: String, bearerToken: String?,
    _ attempt: (_ authorization: String?) async throws -> RegistryResponse
  ) async throws -> RegistryResponse {
    if let bearerToken { return try await attempt("Bearer " + bearerToken) }
    let known = await authenticator.header(for: endpoint, scope: scope)
    let response = try await attempt(known)
    // A challenge from the place that a redirect led to is none of the registry's.
    guard response.status == .unauthorized, RedirectRule.origin(of: response.url) == RedirectRule.origin(of: url) else {
      return response
    }
    let challenges = AuthChallenge.parse(response.headers["WWW-Authenticate"])
    guard !challenges.isEmpty else { return response }
    await response.body.discard()
    return try await attempt(
      try await authenticator.answer(
        challenges, from: endpoint, as: response.namer, scope: scope, refused: known))
  }

  /// Runs `operation` on Docker Hub's mirrors, where there are any, and last on the registry itself. A token that came
  /// with the request goes to the registry only.
  func reading<Result>(
    _ reference: ModelReference, bearerToken: String?,
    _ operation: (RegistryEndpoint, _ bearerToken: String?) async throws -> Result
  ) async throws -> Result {
    let endpoints = configuration.readEndpoints(for: reference)
    for mirror in endpoints.dropLast() {
      do {
        return try await operation(mirror, nil)
      } catch let error as RegistryError {
        logger.info("mirror failed", metadata: ["mirror": "\(mirror.authority)", "error": "\(error)"])
      }
    }
    return try await operation(configuration.endpoint(for: reference), bearerToken)
  }
}

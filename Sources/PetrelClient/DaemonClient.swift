// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A client of one daemon's HTTP API. Requests have no overall time limit: models take as long as they take.
///
/// All calls throw ``ClientError``, or `CancellationError` when the calling task is cancelled.
package final class DaemonClient: Sendable {
  private static let maximumJSONBytes = 64 << 20
  private static let maximumErrorBytes = 64 << 10

  package let endpoint: DaemonEndpoint
  private let commonHeaders: [(String, String)]
  private let http: HTTPClient

  /// ``close()`` must be called.
  ///
  /// - Parameters:
  ///   - trust: for `https` endpoints.
  ///   - apiKey: for daemons that want one. It is not sent over a Unix socket, where none is needed.
  package init(endpoint: DaemonEndpoint, userAgent: String, trust: DaemonTrust = DaemonTrust(), apiKey: String? = nil) {
    self.endpoint = endpoint
    var headers = [("User-Agent", userAgent)]
    if let apiKey, case .tcp = endpoint.transport { headers.append(("Authorization", "Bearer \(apiKey)")) }
    commonHeaders = headers
    var configuration = HTTPClient.Configuration(tlsConfiguration: trust.configuration)
    configuration.timeout.connect = .seconds(10)
    // A daemon that is not there should be reported at once; waiting for one to start has its own loop.
    configuration.connectionPool.retryConnectionEstablishment = false
    http = HTTPClient(
      eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), configuration: configuration)
  }

  package func close() async { try? await http.shutdown() }

  /// Whether anything speaks HTTP at the endpoint.
  package func isAnswering(within limit: Duration) async -> Bool {
    var request = HTTPClientRequest(url: endpoint.url(path: "/version"))
    request.headers = HTTPHeaders(commonHeaders)
    let answer = try? await http.execute(request, timeout: .nanoseconds(Int64(limit / .nanoseconds(1))))
    return answer != nil
  }

  /// Whether what answers at the endpoint has a list of models, as every model runner has. Doubts count as yes.
  private func isModelRunner() async -> Bool {
    var request = HTTPClientRequest(url: endpoint.url(path: "/models"))
    request.headers = HTTPHeaders(commonHeaders)
    guard let answer = try? await http.execute(request, timeout: .seconds(15)) else { return true }
    return answer.status != .notFound
  }

  /// A model's name as a part of a path; its slashes stay.
  static func pathPart(_ model: String) -> String { PercentEncoding.encode(model, keeping: "/:@") }

  /// Sends a request and waits for the response's head. A status of 400 or more is thrown.
  func send(
    _ method: HTTPMethod, _ path: String, query: [(name: String, value: String)] = [],
    headers: [(String, String)] = [], body: HTTPClientRequest.Body? = nil
  ) async throws -> HTTPClientResponse {
    var request = HTTPClientRequest(url: endpoint.url(path: path, query: query))
    request.method = method
    request.headers = HTTPHeaders(commonHeaders + headers)
    request.body = body
    do {
      let response = try await http.execute(request, deadline: .distantFuture)
      guard response.status.code < 400 else { throw try await failure(response) }
      return response
    } catch {
      throw translate(error)
    }
  }

  /// Sends `content` as JSON, if there is any.
  func send(
    _ method: HTTPMethod, _ path: String, json content: some Encodable, headers: [(String, String)] = []
  ) async throws -> HTTPClientResponse {
    let text = try CanonicalJSONEncoder().encode(content)
    return try await send(
      method, path, headers: [("Content-Type", "application/json")] + headers, body: .bytes(ByteBuffer(string: text)))
  }

  /// Reads a whole JSON answer.
  func decode<Value: Decodable>(_ type: Value.Type, from response: HTTPClientResponse) async throws -> Value {
    let body: ByteBuffer
    do {
      body = try await response.body.collect(upTo: Self.maximumJSONBytes)
    } catch {
      throw translate(error)
    }
    do {
      return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
    } catch {
      throw ClientError(
        .unexpectedAnswer,
        "unexpected answer from \(endpoint): \(ErrorBody.excerpt(of: body.readableBytesView)); is it a model runner?")
    }
  }

  /// Reads an answer that says nothing but that the request succeeded, so that the connection can be used again.
  func discard(_ response: HTTPClientResponse) async throws {
    try await forEachPiece(of: response) { _ in }
  }

  /// Hands the body's pieces to `consume` as they come.
  func forEachPiece(of response: HTTPClientResponse, _ consume: (ByteBufferView) throws -> Void) async throws {
    do {
      for try await piece in response.body { try consume(piece.readableBytesView) }
    } catch {
      throw translate(error)
    }
  }

  private func failure(_ response: HTTPClientResponse) async throws -> ClientError {
    var bytes: [UInt8] = []
    do {
      for try await piece in response.body {
        bytes += piece.readableBytesView.prefix(Self.maximumErrorBytes - bytes.count)
        if bytes.count == Self.maximumErrorBytes { break }
      }
    } catch is ChannelError {
      // The daemon may refuse a long request before all of it was sent. That it takes no more of it then is no news.
    } catch is IOError {
    }
    let status = Int(response.status.code)
    if status == 404, ErrorBody.isOfAnyServer(bytes), await !isModelRunner() {
      return ClientError(
        .unexpectedAnswer, "what answers at \(endpoint) is no model runner; see MODEL_RUNNER_HOST and the port")
    }
    let message = ErrorBody.message(in: bytes) ?? "the daemon answered with \(status) \(response.status.reasonPhrase)"
    return ClientError(
      .status(status), message, retryAfter: response.headers.first(name: "Retry-After").flatMap(Int.init))
  }
}

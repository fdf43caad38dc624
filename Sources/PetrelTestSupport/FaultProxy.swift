// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOSSL
import PetrelOCI
import Synchronization

/// An HTTP proxy in front of a registry that spoils some of its answers to requests for one blob. To clients it is the
/// registry.
package final class FaultProxy: Sendable {
  private struct Planned: Hashable {
    let fault: ProxyFault
    let byte: Int64
  }

  private struct State {
    var faults: [Planned] = []
    var requests: [RecordedRequest] = []
    var redirects = false
    var ticket = 0
    /// With what the registry was asked, by ticket: nobody shows that to the storage.
    var authorizations: [String: String] = [:]
    /// Tickets of storage URLs that are refused.
    var expired: Set<String> = []
    var storagePort = 0
  }

  private let upstream: UpstreamServer
  private let scheme: String
  /// What the paths of the blob's requests end with.
  private let blob: String
  private let state = Mutex(State())
  private let servers = Mutex<[FakeServer]>([])

  private init(_ upstream: UpstreamServer, _ blob: String, scheme: String) {
    self.upstream = upstream
    self.scheme = scheme
    self.blob = blob
  }

  /// Runs `body` with a proxy for the registry at `host`, such as `127.0.0.1:5000`, that meddles with one blob.
  ///
  /// - Parameter identity: the paths of a certificate and its key, PEM, to speak TLS with, as the registry does then.
  package static func with<Result>(
    _ host: String, blob: Digest, identity: (certificate: String, key: String)? = nil,
    isolation: isolated (any Actor)? = #isolation, _ body: (FaultProxy) async throws -> Result
  ) async throws -> Result {
    let tls = try identity.map { identity in
      try NIOSSLContext(
        configuration: .makeServerConfiguration(
          certificateChain: try NIOSSLCertificate.fromPEMFile(identity.certificate).map { .certificate($0) },
          privateKey: .privateKey(try NIOSSLPrivateKey(file: identity.key, format: .pem))))
    }
    let proxy = FaultProxy(
      try UpstreamServer(host, usesTLS: tls != nil), "/blobs/\(blob)", scheme: tls == nil ? "http" : "https")
    let registry = try await FakeServer.start(tls: tls) { [weak proxy] head, body in
      await proxy?.answer(head, body) ?? FakeResponse(.badGateway)
    }
    let storage = try await FakeServer.start(tls: tls) { [weak proxy] head, _ in
      await proxy?.store(head) ?? FakeResponse(.badGateway)
    }
    proxy.servers.withLock { $0 = [registry, storage] }
    proxy.state.withLock { $0.storagePort = storage.port }
    do {
      let result = try await body(proxy)
      await proxy.shutdown()
      return result
    } catch {
      await proxy.shutdown()
      throw error
    }
  }

  /// `127.0.0.1:<port>`.
  package var host: String { "127.0.0.1:\(servers.withLock { $0[0].port })" }

  /// Requests for the blob that came in, to the registry and to the storage it redirects to.
  package var requests: [RecordedRequest] { state.withLock { $0.requests } }

  package func forgetRequests() { state.withLock { $0.requests = [] } }

  /// Makes the next `times` answers go wrong that have a certain byte of a blob. One answer may have several faults, but
  /// none twice.
  ///
  /// - Parameter byte: from the blob's start, whichever range an answer brings.
  package func inject(_ fault: ProxyFault, at byte: Int64, times: Int = 1) {
    state.withLock { $0.faults += Array(repeating: Planned(fault: fault, byte: byte), count: times) }
  }

  package func forgetFaults() { state.withLock { $0.faults = [] } }

  /// Faults that have not happened.
  package var pendingFaults: Int { state.withLock { $0.faults.count } }

  /// Redirects requests for the blob to URLs on another origin, which expire; see ``ProxyFault/expire(at:)``.
  package func redirectBlobs() { state.withLock { $0.redirects = true } }

  /// Lets stalled answers go on.
  package func releaseStalls() { for server in servers.withLock({ $0 }) { server.gate.open() } }

  private func shutdown() async {
    for server in servers.withLock({ $0 }) { await server.shutdown() }
  }

  /// What the registry says.
  private func answer(_ head: HTTPRequestHead, _ body: ByteBuffer) async -> FakeResponse {
    guard head.method == .GET, head.uri.hasSuffix(blob) else { return await upstream.send(head, body) }
    record(head)
    let location = state.withLock { state -> String? in
      guard state.redirects else { return nil }
      state.ticket += 1
      state.authorizations[String(state.ticket)] = head.headers.first(name: "Authorization")
      return "\(scheme)://127.0.0.1:\(state.storagePort)/\(state.ticket)\(head.uri)"
    }
    if let location { return FakeResponse(.temporaryRedirect, headers: ["Location": location]) }
    return await content(head, ticket: nil)
  }

  /// What the storage host says.
  private func store(_ head: HTTPRequestHead) async -> FakeResponse {
    record(head)
    let parts = head.uri.split(separator: "/", maxSplits: 1).map(String.init)
    guard parts.count == 2, !state.withLock({ $0.expired.contains(parts[0]) }) else { return FakeResponse(.forbidden) }
    var inner = head
    inner.uri = "/" + parts[1]
    if let authorization = state.withLock({ $0.authorizations[parts[0]] }) {
      inner.headers.replaceOrAdd(name: "Authorization", value: authorization)
    }
    return await content(inner, ticket: parts[0])
  }

  private func record(_ head: HTTPRequestHead) {
    let request = RecordedRequest(
      method: head.method.rawValue, path: head.uri, query: "", headers: head.headers, form: "")
    state.withLock { $0.requests.append(request) }
  }

  private func content(_ head: HTTPRequestHead, ticket: String?) async -> FakeResponse {
    var asked = AskedRange(head.headers.first(name: "Range"))
    // Decided before the answer is there, so that the order of requests is the order of faults.
    var faults = take(asked)
    if faults.contains(where: { $0.fault == .ignoreRange }) {
      asked = AskedRange(nil)
      faults = take(asked, besides: faults)
    }
    var upstreamHead = head
    for planned in faults {
      switch planned.fault {
      case .ignoreRange: upstreamHead.headers.remove(name: "Range")
      case .otherRange: upstreamHead.headers.replaceOrAdd(name: "Range", value: asked.following)
      case .status(let code, let headers):
        return FakeResponse(HTTPResponseStatus(statusCode: code), headers: HTTPHeaders(headers.map { ($0, $1) }))
      case .expire:
        if let ticket { state.withLock { _ = $0.expired.insert(ticket) } }
        return FakeResponse(.forbidden)
      case .cut, .stall, .corrupt, .reorder, .tag, .total: break
      }
    }
    var response = await upstream.send(upstreamHead, ByteBuffer())
    // Where in the blob the body begins.
    let start = response.status == .partialContent ? asked.start : 0
    for planned in faults { response.apply(planned.fault, at: Int(planned.byte - start)) }
    return response
  }

  private func take(_ asked: AskedRange, besides taken: [Planned] = []) -> [Planned] {
    state.withLock { state in
      var due = taken
      state.faults.removeAll { planned in
        guard asked.contains(planned.byte), !due.contains(planned) else { return false }
        due.append(planned)
        return true
      }
      return due
    }
  }
}

/// `bytes=100-199`, `bytes=100-`, or all.
private struct AskedRange {
  var start: Int64 = 0
  /// The last byte.
  var end: Int64?

  init(_ header: String?) {
    let bounds = (header ?? "").dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
    if let first = bounds.first.flatMap({ Int64($0) }) { start = first }
    if bounds.count > 1 { end = Int64(bounds[1]) }
  }

  func contains(_ byte: Int64) -> Bool { byte >= start && byte <= end ?? .max }

  /// As many bytes, from one byte further on.
  var following: String { "bytes=\(start + 1)-\(end ?? start + 1)" }
}

extension FakeResponse {
  /// - Parameter offset: of the fault's byte in the body.
  fileprivate mutating func apply(_ fault: ProxyFault, at offset: Int) {
    switch fault {
    case .cut: closesAfter = offset
    case .stall: stallsAfter = offset
    case .corrupt:
      let index = body.readerIndex + offset
      if let value = body.getInteger(at: index, as: UInt8.self) { body.setInteger(value ^ 0x10, at: index) }
    case .reorder(let count):
      let index = body.readerIndex + offset
      guard let first = body.getBytes(at: index, length: count),
        let second = body.getBytes(at: index + count, length: count)
      else { return }
      body.setBytes(second + first, at: index)
    case .tag(let tag): headers.replaceOrAdd(name: "ETag", value: "\"\(tag)\"")
    case .total(let total):
      guard let range = headers.first(name: "Content-Range")?.split(separator: "/").first else { return }
      headers.replaceOrAdd(name: "Content-Range", value: "\(range)/\(total)")
    case .otherRange, .ignoreRange, .status, .expire: break
    }
  }
}

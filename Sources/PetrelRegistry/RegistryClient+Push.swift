// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension RegistryClient {
  /// Uploads a blob in one piece, unless the registry has it.
  ///
  /// - Parameters:
  ///   - body: opens the content, `descriptor.size` bytes, anew for each try.
  ///   - progress: called with the bytes sent so far. Starts over with each try; ends with the whole size.
  package func pushBlob<Body: AsyncSequence & Sendable>(
    _ descriptor: Descriptor, to reference: ModelReference, bearerToken: String? = nil,
    body: @Sendable () async throws -> Body, progress: @escaping @Sendable (Int64) -> Void
  ) async throws where Body.Element == ByteBuffer {
    let endpoint = configuration.endpoint(for: reference)
    try await configuration.retryPolicy.withRetries {
      let exists = try await blobExists(
        descriptor.digest, in: reference, at: endpoint, access: .push, bearerToken: bearerToken)
      if !exists, let target = try await startUpload(of: descriptor, to: reference, endpoint, bearerToken) {
        try await upload(descriptor, to: target, reference, body: try await body(), progress: progress)
      }
      progress(descriptor.size)
    }
  }

  /// Uploads a manifest under the reference's tag or digest.
  package func pushManifest(
    _ bytes: [UInt8], mediaType: String, to reference: ModelReference, bearerToken: String? = nil
  ) async throws -> Digest {
    let endpoint = configuration.endpoint(for: reference)
    let digest = Digest(of: bytes)
    let version = reference.digest?.description ?? reference.tag ?? ModelReference.defaultTag
    try await configuration.retryPolicy.withRetries {
      let response = try await send(
        .PUT, "manifests/\(version)", of: reference, at: endpoint, access: .push, bearerToken: bearerToken,
        headers: ["Content-Type": mediaType], body: ByteBuffer(bytes: bytes))
      guard Self.isAccepted(response.status) else {
        throw await RegistryError.refusal(response, of: .manifest, verb: "push", reference)
      }
      await response.body.discard()
      try Self.check(response.headers, digest)
    }
    return digest
  }

  /// Where to send a blob, and with which `Authorization`.
  private struct UploadTarget: Sendable {
    let url: URL
    let authorization: String?
  }

  /// Opens an upload. Nil when the registry turns out to have the blob.
  private func startUpload(
    of descriptor: Descriptor, to reference: ModelReference, _ endpoint: RegistryEndpoint, _ bearerToken: String?
  ) async throws -> UploadTarget? {
    let response = try await send(
      .POST, "blobs/uploads/", of: reference, at: endpoint, access: .push, bearerToken: bearerToken)
    if response.status == .created {
      await response.body.discard()
      return nil
    }
    guard Self.isAccepted(response.status) else {
      throw await RegistryError.refusal(response, of: .upload(descriptor.digest), verb: "push", reference)
    }
    await response.body.discard()
    let location = try RedirectRule.resolve(
      location: response.headers.first(name: "Location"), from: response.url
    ).absoluteString
    let separator = location.contains("?") ? "&" : "?"
    let digest = FormEncoding.escaped(descriptor.digest.description)
    guard let url = URL(string: "\(location)\(separator)digest=\(digest)") else {
      throw RegistryError(.invalidResponse, "the registry sends the upload to a place that is not a URL")
    }
    guard RedirectRule.origin(of: url) == RedirectRule.origin(of: response.url) else {
      return UploadTarget(url: url, authorization: nil)
    }
    let scope = "repository:\(reference.repository):\(Access.push.rawValue)"
    let known = await authenticator.header(for: endpoint, scope: scope)
    return UploadTarget(url: url, authorization: bearerToken.map { "Bearer " + $0 } ?? known)
  }

  private func upload<Body: AsyncSequence & Sendable>(
    _ descriptor: Descriptor, to target: UploadTarget, _ reference: ModelReference, body: Body,
    progress: @escaping @Sendable (Int64) -> Void
  ) async throws where Body.Element == ByteBuffer {
    let meter = UploadMeter(size: descriptor.size, progress: progress)
    var request = HTTPClientRequest(url: target.url.absoluteString)
    request.method = .PUT
    request.headers = transport.withUserAgent(["Content-Type": "application/octet-stream"])
    if let authorization = target.authorization { request.headers.add(name: "Authorization", value: authorization) }
    request.body = .stream(MeteredBody(base: body, meter: meter), length: .known(descriptor.size))

    let (status, headers, answer) = try await withThrowingTaskGroup(
      of: (HTTPResponseStatus, HTTPHeaders, [UInt8]).self
    ) { [request] group in
      group.addTask { try await perform(request, subject: "upload of \(descriptor.digest)") }
      group.addTask { throw try await meter.stall(after: configuration.stallTimeout, configuration.commitTimeout) }
      defer { group.cancelAll() }
      guard let response = try await group.next() else { throw CancellationError() }
      return response
    }
    guard Self.isAccepted(status) else {
      throw RegistryError.refusal(
        status: status, headers: headers, body: answer, of: .upload(descriptor.digest), verb: "push", reference)
    }
    try Self.check(headers, descriptor.digest)
  }

  private func perform(
    _ request: HTTPClientRequest, subject: String
  ) async throws -> (HTTPResponseStatus, HTTPHeaders, [UInt8]) {
    do {
      // The meter watches over progress; this is only the outermost limit.
      let response = try await transport.client.execute(request, timeout: .hours(7 * 24))
      let body = (try? await response.body.collect(upTo: 64 * 1024)) ?? ByteBuffer()
      return (response.status, response.headers, Array(body.readableBytesView))
    } catch {
      try Task.checkCancellation()
      throw RegistryError(transport: error, subject: subject, hasHead: false)
    }
  }

  private static func isAccepted(_ status: HTTPResponseStatus) -> Bool {
    [200, 201, 202, 204].contains(status.code)
  }

  private static func check(_ headers: HTTPHeaders, _ digest: Digest) throws(RegistryError) {
    guard let stored = headers.first(name: "Docker-Content-Digest"), stored.hasPrefix("sha256:") else { return }
    guard stored == digest.description else {
      throw RegistryError(.digestMismatch, "the registry stored \(quoted(stored)) instead of \(digest)")
    }
  }
}

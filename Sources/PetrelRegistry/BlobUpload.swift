// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One blob on its way to a registry. Small ones go in one request, large ones in chunks, so that a break costs no more
/// than the chunk in which it happened.
struct BlobUpload: Sendable {
  let client: RegistryClient
  let descriptor: Descriptor
  let reference: ModelReference
  let endpoint: RegistryEndpoint
  /// Repositories of the same registry that may have the blob.
  let otherRepositories: [String]
  let bearerToken: String?
  let content: any BlobContent
  let progress: UploadProgress

  var subject: String { "upload of \(descriptor.digest)" }
  var scope: String { RegistryClient.scope(reference, .push) }
  private var policy: RetryPolicy { client.configuration.retryPolicy }

  /// Uploads the blob unless the registry has it. Tries in a row are limited; each byte that gets further starts the
  /// count anew.
  func run() async throws {
    var session: UploadSession?
    var takesChunks = true
    var failures = 0
    var furthest: Int64 = 0
    while true {
      var problem: RegistryError
      do {
        try await attempt(&session, takesChunks: takesChunks)
        progress.reach(descriptor.size)
        return
      } catch UploadSetback.chunksRefused where takesChunks {
        takesChunks = false
        session = nil
        continue
      } catch let setback as UploadSetback {
        problem = setback.error(subject)
        if case .sessionLost = setback { session = nil }
        session?.isUncertain = true
      } catch let error as RegistryError {
        problem = error
        session?.isUncertain = true
      }
      let offset = session?.offset ?? 0
      failures = offset > furthest ? 1 : failures + 1
      furthest = max(furthest, offset)
      guard let delay = policy.delay(afterFailures: failures, error: problem) else { throw final(problem, failures) }
      try await policy.sleep(delay)
    }
  }

  /// The last error, with what to do about it.
  private func final(_ error: RegistryError, _ failures: Int) -> RegistryError {
    guard error.isRetryable, failures > 1 else { return error }
    return RegistryError(
      error.code,
      "\(error.message); given up after \(failures) tries. Push again to go on: blobs that have arrived are not sent "
        + "again", retryAfter: error.retryAfter)
  }

  private func attempt(_ session: inout UploadSession?, takesChunks: Bool) async throws {
    if var known = session, known.isUncertain {
      do {
        try await locate(&known)
        session = !takesChunks && known.offset > 0 ? nil : known
      } catch UploadSetback.sessionLost {
        // Some registries give an upload up when its connection breaks.
        session = nil
      }
    }
    if session == nil {
      let exists = try await client.blobExists(
        descriptor.digest, in: reference, at: endpoint, access: .push, bearerToken: bearerToken)
      guard !exists, case .session(let opened) = try await open() else { return }
      session = opened
    }
    // A copy that comes back whatever happens: the next attempt goes on from there.
    guard var current = session else { return }
    defer { session = current }
    let chunk = max(client.configuration.chunkSize, current.minimumChunk)
    if current.offset == 0, descriptor.size <= chunk || !takesChunks {
      try await finish(&current, sending: 0..<descriptor.size)
      return
    }
    while current.offset < descriptor.size {
      try await sendChunk(&current, upTo: min(current.offset + chunk, descriptor.size))
    }
    try await finish(&current, sending: descriptor.size..<descriptor.size)
  }

  // MARK: Steps

  private func open() async throws -> UploadOpening {
    for repository in otherRepositories {
      if let opening = try await mount(from: repository) { return opening }
    }
    let response = try await client.send(
      .POST, "blobs/uploads/", of: reference, at: endpoint, access: .push, bearerToken: bearerToken)
    return try await opening(response)
  }

  /// Asks the registry to take the blob from one of its other repositories. Nil when that cannot be. A registry that
  /// does not do it opens a session instead.
  private func mount(from repository: String) async throws -> UploadOpening? {
    let source = ModelReference(registry: reference.registry, repository: repository, version: reference.version)
    do {
      let exists = try await client.blobExists(
        descriptor.digest, in: source, at: endpoint, access: .pull, bearerToken: bearerToken)
      guard exists else { return nil }
      let query = FormEncoding.encode([
        URLQueryItem(name: "mount", value: descriptor.digest.description),
        URLQueryItem(name: "from", value: repository),
      ])
      let response = try await client.send(
        .POST, "blobs/uploads/?" + query, of: reference, at: endpoint, access: .push, bearerToken: bearerToken,
        alsoReading: repository)
      return try await opening(response)
    } catch let error as RegistryError where !error.isRetryable {
      // Not allowed to, or not able to: then the blob is uploaded.
      return nil
    }
  }

  private func opening(_ response: RegistryResponse) async throws -> UploadOpening {
    if response.status == .created {
      await response.body.discard()
      return .complete
    }
    guard RegistryClient.isAccepted(response.status) else {
      throw await RegistryError.refusal(response, of: .upload(descriptor.digest), verb: "push", reference)
    }
    await response.body.discard()
    var session = UploadSession(url: response.url, reach: .anywhere, namer: response.namer)
    try await move(&session, to: response.headers, isRequired: true)
    let minimum = response.headers.first(name: "OCI-Chunk-Min-Length").flatMap { Int64($0) } ?? 0
    session.minimumChunk = min(minimum, descriptor.size)
    return .session(session)
  }

  /// Asks how much the registry has.
  func locate(_ session: inout UploadSession) async throws {
    let (url, reach) = (session.url, session.reach)
    var used: String?
    let response = try await withCredentials(for: url) { authorization in
      used = authorization
      return try await client.transport.send(
        .GET, url, headers: authorization.map { ["Authorization": $0] } ?? [:], reach: reach, subject: subject)
    }
    session.authorization = used
    await response.body.discard()
    let problem = RegistryError(
      RegistryError.Code(status: response.status), "\(subject): the registry answers \(response.status.code)",
      retryAfter: RegistryError.retryAfter(response.headers))
    if response.status.code >= 400, problem.isRetryable { throw problem }
    guard [200, 202, 204].contains(response.status.code), let received = UploadRange.received(response.headers),
      received <= descriptor.size
    else { throw UploadSetback.sessionLost }
    session.offset = received
    session.isUncertain = false
    try await move(&session, to: response.headers, isRequired: false)
  }

  private func sendChunk(_ session: inout UploadSession, upTo end: Int64) async throws {
    let start = session.offset
    try await renewCredentials(&session)
    let answer = try await send(
      .PATCH, session.url, range: start..<end, headers: ["Content-Range": "\(start)-\(end - 1)"], in: session)
    switch answer.status.code {
    case 200...204:
      // Some registries tell how much they have, some do not.
      let received = answer.headers.contains(name: "Range") ? UploadRange.received(answer.headers) : end
      guard let received, received > start, received <= end else { throw UploadSetback.misplaced }
      session.offset = received
      try await move(&session, to: answer.headers, isRequired: false)
    // A registry that has a single byte says "0-0", as one that has none does: nothing but a new start helps then.
    case 416: throw start == 0 ? UploadSetback.sessionLost : UploadSetback.misplaced
    case 405, 411, 415, 501: throw UploadSetback.chunksRefused
    case 400, 404:
      // At the first chunk it may be chunks as such that are not understood.
      throw start == 0 && answer.registryCode != "BLOB_UPLOAD_UNKNOWN"
        ? UploadSetback.chunksRefused : UploadSetback.sessionLost
    default: throw answer.refusal(self)
    }
  }

  /// The request that makes the upload a blob, with the rest of its bytes.
  private func finish(_ session: inout UploadSession, sending range: Range<Int64>) async throws {
    try await renewCredentials(&session)
    let location = session.url.absoluteString
    let separator = location.contains("?") ? "&" : "?"
    let digest = FormEncoding.escaped(descriptor.digest.description)
    guard let url = URL(string: "\(location)\(separator)digest=\(digest)") else {
      throw RegistryError(.invalidResponse, "the registry sends the upload to a place that is not a URL")
    }
    let answer = try await send(.PUT, url, range: range, headers: [:], in: session)
    if RegistryClient.isAccepted(answer.status) {
      try RegistryClient.check(answer.headers, descriptor.digest)
      return
    }
    switch (answer.status.code, answer.registryCode) {
    case (404, nil), (404, "BLOB_UPLOAD_UNKNOWN"), (400, "BLOB_UPLOAD_INVALID"): throw UploadSetback.sessionLost
    case (416, _): throw UploadSetback.misplaced
    case (400, "DIGEST_INVALID"):
      throw RegistryError(
        .digestMismatch, "\(subject): the registry has received other bytes than were sent; push again")
    default: throw answer.refusal(self)
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOHTTP1
import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The requests of an upload: where they go, with which credentials, and how long they are waited for.
extension BlobUpload {
  /// Follows the `Location` of an answer.
  func move(_ session: inout UploadSession, to headers: HTTPHeaders, isRequired: Bool) async throws {
    guard isRequired || headers.contains(name: "Location") else { return }
    let location = try RedirectRule.resolve(location: headers.first(name: "Location"), from: session.url)
    session.reach = try await client.transport.networkGuard.check(
      location: location, from: session.url, namedBy: session.namer)
    session.url = location
  }

  /// Calls `attempt` with credentials if `url` is the registry's own, else without.
  func withCredentials(
    for url: URL, _ attempt: (String?) async throws -> RegistryResponse
  ) async throws -> RegistryResponse {
    guard isOwn(url) else { return try await attempt(nil) }
    return try await client.authorized(url, at: endpoint, scope: scope, bearerToken: bearerToken, attempt)
  }

  private func isOwn(_ url: URL) -> Bool {
    guard let registry = try? endpoint.url(reference.repository, "") else { return false }
    return RedirectRule.origin(of: url) == RedirectRule.origin(of: registry)
  }

  /// When a token has run out, the question for the upload's state gets a new one, and no bytes are sent in vain.
  func renewCredentials(_ session: inout UploadSession) async throws {
    guard bearerToken == nil, isOwn(session.url),
      await client.authenticator.hasAnswered(for: endpoint, scope: scope),
      await client.authenticator.header(for: endpoint, scope: scope) == nil
    else { return }
    let expected = session.offset
    try await locate(&session)
    guard session.offset == expected else { throw UploadSetback.misplaced }
  }

  /// Sends a part of the blob.
  func send(
    _ method: HTTPMethod, _ url: URL, range: Range<Int64>, headers: HTTPHeaders, in session: UploadSession
  ) async throws -> UploadAnswer {
    var authorization: String?
    if isOwn(url) {
      let known = await client.authenticator.header(for: endpoint, scope: scope)
      authorization = bearerToken.map { "Bearer " + $0 } ?? known ?? session.authorization
    }
    let meter = UploadMeter(size: Int64(range.count))
    var request = HTTPClientRequest(url: url.absoluteString)
    request.method = method
    request.headers = client.transport.withUserAgent(headers)
    request.headers.add(name: "Content-Type", value: "application/octet-stream")
    if let authorization { request.headers.add(name: "Authorization", value: authorization) }
    request.body = .stream(
      UploadBody(content: content, range: range, blobSize: descriptor.size, meter: meter, progress: progress),
      length: .known(Int64(range.count)))
    // Only the last request makes the registry look at the whole blob.
    let answerTimeout = method == .PUT ? client.configuration.commitTimeout : client.configuration.stallTimeout
    let answer = try await client.transport.upload(
      request, to: url, reach: session.reach, meter, answerTimeout: answerTimeout, subject: subject)
    guard answer.status == .unauthorized, isOwn(url), bearerToken == nil else { return answer }
    let challenges = AuthChallenge.parse(answer.headers["WWW-Authenticate"])
    guard !challenges.isEmpty else { return answer }
    _ = try await client.authenticator.answer(
      challenges, from: endpoint, as: answer.namer, scope: scope, refused: authorization)
    throw UploadSetback.challenged
  }
}

/// What a registry says to a part of an upload.
struct UploadAnswer: Sendable {
  let status: HTTPResponseStatus
  let headers: HTTPHeaders
  let body: [UInt8]
  /// Who has sent it.
  let namer: PlaceNamer

  var registryCode: String? { RegistryError.registryCode(body) }

  func refusal(_ upload: BlobUpload) -> RegistryError {
    RegistryError.refusal(
      status: status, headers: headers, body: body, of: .upload(upload.descriptor.digest), verb: "push",
      upload.reference)
  }
}

// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore
import NIOHTTP1

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a server says to an upload.
package struct WebUploadAnswer: Sendable {
  package let status: HTTPResponseStatus
  package let headers: HTTPHeaders
  package var retryAfter: Duration? { RegistryError.retryAfter(headers) }
}

extension WebReader {
  /// Sends a part of `content` to a place that another server has named. No credentials go along but those in `headers`.
  ///
  /// - Parameters:
  ///   - range: in bytes of the content.
  ///   - size: bytes of all content.
  ///   - namer: who has named `url`.
  ///   - progress: called with the offset in the content that has been reached.
  package func put(
    _ content: any BlobContent, _ range: Range<Int64>, of size: Int64, to url: URL, namedBy namer: PlaceNamer,
    headers: HTTPHeaders, subject: String, progress: @escaping @Sendable (Int64) -> Void
  ) async throws -> WebUploadAnswer {
    let reach = try await transport.networkGuard.check(location: url, namedBy: namer)
    let meter = UploadMeter(size: Int64(range.count))
    var request = HTTPClientRequest(url: url.absoluteString)
    request.method = .PUT
    request.headers = transport.withUserAgent(headers)
    request.body = .stream(
      UploadBody(content: content, range: range, blobSize: size, meter: meter, progress: UploadProgress(progress)),
      length: .known(Int64(range.count)))
    let answer = try await transport.upload(
      request, to: url, reach: reach, meter, answerTimeout: transport.stallTimeout, subject: subject)
    return WebUploadAnswer(status: answer.status, headers: answer.headers)
  }

  /// One request without credentials of its own to a place that another server has named. Redirects are not followed.
  package func send(
    _ method: HTTPMethod, to url: URL, namedBy namer: PlaceNamer, headers: HTTPHeaders, body: ByteBuffer,
    subject: String
  ) async throws -> WebAnswer {
    let reach = try await transport.networkGuard.check(location: url, namedBy: namer)
    return WebAnswer(
      response: try await transport.send(method, url, headers: headers, body: body, reach: reach, subject: subject))
  }
}

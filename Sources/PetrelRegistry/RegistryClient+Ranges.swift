// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A part of a blob on its way.
package struct BlobRangeStream: Sendable {
  /// Where the body lies in the blob: within what was asked for, from its start on; or all of the blob when the
  /// server does not serve ranges.
  package let range: Range<Int64>
  /// The server took notice of the range.
  package let isPartial: Bool
  /// The entity tag, if it is a strong one: bytes with another tag from the same origin may be others.
  package let tag: String?
  /// Scheme, host and port that the bytes come from.
  package let origin: String
  /// All bytes of `range`; ends with an error when some are missing.
  package let chunks: ResponseBody
}

extension RegistryClient {
  /// One attempt at a range of a blob.
  ///
  /// - Parameters:
  ///   - range: not empty.
  ///   - route: of all requests for this blob.
  ///   - isFresh: asks for bytes that no cache has kept and on a connection that is closed afterwards.
  package func openRange(
    _ range: Range<Int64>, of descriptor: Descriptor, in reference: ModelReference, via route: BlobRoute,
    isFresh: Bool = false, bearerToken: String? = nil
  ) async throws -> BlobRangeStream {
    var headers: HTTPHeaders = [
      "Accept": "\(descriptor.mediaType), */*", "Range": "bytes=\(range.lowerBound)-\(range.upperBound - 1)",
    ]
    if isFresh {
      route.forget()
      headers.add(name: "Cache-Control", value: "no-cache")
      headers.add(name: "Connection", value: "close")
    }
    if let place = route.place {
      if let stream = try await openKnown(place, range, of: descriptor, headers) { return stream }
      // Expired, most likely. The registry gives a new one.
      route.forget()
    }
    return try await reading(reference, bearerToken: bearerToken) { endpoint, token in
      let home = RedirectRule.origin(of: try endpoint.url(reference.repository, ""))
      let response = try await send(
        .GET, "blobs/\(descriptor.digest)", of: reference, at: endpoint, access: .pull, bearerToken: token,
        headers: headers)
      let isElsewhere = RedirectRule.origin(of: response.url) != home
      guard [.ok, .partialContent].contains(response.status) else {
        let refusal = await RegistryError.refusal(response, of: .blob(descriptor.digest), verb: "pull", reference)
        throw isElsewhere ? refusal.ofStorage : refusal
      }
      if isElsewhere {
        route.learn(BlobRoute.Place(url: response.url, reach: response.reach, namer: response.namer))
      }
      return try stream(response, descriptor, range)
    }
  }

  /// Asks the storage host again. Nil when it refuses.
  private func openKnown(
    _ place: BlobRoute.Place, _ range: Range<Int64>, of descriptor: Descriptor, _ headers: HTTPHeaders
  ) async throws -> BlobRangeStream? {
    let subject = "GET blob \(descriptor.digest) at \(place.url.host ?? "")"
    // The registry chose the place: what held for the redirect holds for each request that follows.
    let response = try await transport.read(
      .GET, place.url, headers: headers, reach: place.reach, namedBy: place.namer, subject: subject)
    guard [.ok, .partialContent].contains(response.status) else {
      await response.body.discard()
      return nil
    }
    return try stream(response, descriptor, range)
  }

  private func stream(
    _ response: RegistryResponse, _ descriptor: Descriptor, _ asked: Range<Int64>
  ) throws(RegistryError) -> BlobRangeStream {
    func wrong(_ reason: String) -> RegistryError {
      RegistryError(.wrongRange, "blob \(descriptor.digest): \(reason)")
    }
    var range = 0..<descriptor.size
    if response.status == .partialContent {
      guard let sent = response.headers.first(name: "Content-Range").flatMap(ContentRange.init),
        sent.start == asked.lowerBound, sent.end < asked.upperBound
      else { throw wrong("the registry sends another range than the one asked for") }
      if let total = sent.total, total != descriptor.size {
        throw wrong("the registry says that it has \(total) bytes, the manifest says \(descriptor.size)")
      }
      range = sent.start..<sent.end + 1
    }
    let announced = response.headers.first(name: "Content-Length").flatMap { Int64($0) }
    if let announced, announced != range.count {
      throw wrong("the registry announces \(announced) bytes where there should be \(range.count)")
    }
    let tag = response.headers.first(name: "ETag").flatMap { $0.hasPrefix("W/") ? nil : $0 }
    return BlobRangeStream(
      range: range, isPartial: response.status == .partialContent, tag: tag,
      origin: RedirectRule.origin(of: response.url).joined(separator: " "),
      chunks: response.body.expecting(Int64(range.count)))
  }
}

extension RegistryError {
  /// The same refusal, from the host that the registry redirects to. Its URLs expire, and a new one may be had.
  fileprivate var ofStorage: RegistryError {
    switch code {
    case .unauthorized, .denied, .notFound, .invalidResponse:
      RegistryError(.expired, message + " (the storage host that the registry redirects to refuses)")
    default: self
    }
  }
}

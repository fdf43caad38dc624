// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelOCI

/// A manifest as the registry sent it.
package struct FetchedManifest: Sendable {
  package let bytes: [UInt8]
  /// Of `bytes`.
  package let digest: Digest
  /// The response's `Content-Type`, without parameters.
  package let mediaType: String
}

/// A blob on its way.
package struct BlobStream: Sendable {
  /// Where the body begins: the offset that was asked for, or 0 when the registry cannot serve ranges.
  package let startOffset: Int64
  /// From `startOffset` to the blob's end; ends with an error when bytes are missing. Not yet checked against the
  /// digest.
  package let chunks: ResponseBody
}

extension RegistryClient {
  /// The manifest that `reference` names, checked against its digest.
  ///
  /// - Parameters:
  ///   - fromMirrors: whether mirrors of the registry may answer.
  ///   - tries: at most so many, where the configuration would allow more.
  package func manifest(
    _ reference: ModelReference, fromMirrors: Bool = true, tries: Int = .max, bearerToken: String? = nil
  ) async throws -> FetchedManifest {
    var policy = configuration.retryPolicy
    policy.attempts = min(policy.attempts, tries)
    return try await policy.withRetries {
      guard fromMirrors else {
        return try await manifest(
          reference, at: configuration.endpoint(for: reference), bearerToken: bearerToken)
      }
      return try await reading(reference, bearerToken: bearerToken) { endpoint, token in
        try await manifest(reference, at: endpoint, bearerToken: token)
      }
    }
  }

  /// A small blob as a whole, checked against its digest and size.
  ///
  /// - Parameter limit: bytes; a larger blob is refused.
  package func blob(
    _ descriptor: Descriptor, of reference: ModelReference, limit: Int64, bearerToken: String? = nil
  ) async throws -> [UInt8] {
    guard descriptor.size <= limit else {
      throw RegistryError(
        .tooLarge, "blob \(descriptor.digest) has \(descriptor.size) bytes; at most \(limit) are read")
    }
    return try await configuration.retryPolicy.withRetries {
      let stream = try await openBlob(descriptor, of: reference, from: 0, bearerToken: bearerToken)
      let bytes = try await stream.chunks.collect(upTo: Int(limit))
      let actual = Digest(of: bytes)
      guard actual == descriptor.digest else {
        throw RegistryError(
          .digestMismatch,
          "blob digest mismatch for \"\(descriptor.digest)\": expected \(descriptor.digest), got \(actual)")
      }
      return bytes
    }
  }

  /// One attempt at streaming a blob from `offset` to its end.
  package func openBlob(
    _ descriptor: Descriptor, of reference: ModelReference, from offset: Int64, bearerToken: String? = nil
  ) async throws -> BlobStream {
    var headers: HTTPHeaders = ["Accept": "\(descriptor.mediaType), */*"]
    if offset > 0 { headers.add(name: "Range", value: "bytes=\(offset)-") }
    return try await reading(reference, bearerToken: bearerToken) { endpoint, token in
      let response = try await send(
        .GET, "blobs/\(descriptor.digest)", of: reference, at: endpoint, access: .pull, bearerToken: token,
        headers: headers)
      guard [.ok, .partialContent].contains(response.status) else {
        throw await RegistryError.refusal(response, of: .blob(descriptor.digest), verb: "pull", reference)
      }
      return try stream(response, descriptor, from: offset)
    }
  }

  /// Whether the registry itself, whatever its mirrors have, holds this blob in the reference's repository.
  package func blobExists(
    _ digest: Digest, in reference: ModelReference, bearerToken: String? = nil
  ) async throws -> Bool {
    try await configuration.retryPolicy.withRetries {
      try await blobExists(
        digest, in: reference, at: configuration.endpoint(for: reference), access: .pull, bearerToken: bearerToken)
    }
  }

  func blobExists(
    _ digest: Digest, in reference: ModelReference, at endpoint: RegistryEndpoint, access: Access, bearerToken: String?
  ) async throws -> Bool {
    let response = try await send(
      .HEAD, "blobs/\(digest)", of: reference, at: endpoint, access: access, bearerToken: bearerToken)
    switch response.status {
    case .ok:
      await response.body.discard()
      return true
    case .notFound:
      await response.body.discard()
      return false
    default:
      throw await RegistryError.refusal(response, of: .blob(digest), verb: access.verb, reference)
    }
  }

  private func manifest(
    _ reference: ModelReference, at endpoint: RegistryEndpoint, bearerToken: String?
  ) async throws -> FetchedManifest {
    // Indexes are asked for too: else a registry calls one "not found", and nobody learns what it really is.
    let accepted = [MediaType.ociManifest, MediaType.dockerManifest, MediaType.ociIndex, MediaType.dockerManifestList]
    let version = reference.digest?.description ?? reference.tag ?? ModelReference.defaultTag
    let response = try await send(
      .GET, "manifests/\(version)", of: reference, at: endpoint, access: .pull, bearerToken: bearerToken,
      headers: ["Accept": accepted.joined(separator: ", ")])
    guard response.status == .ok else {
      throw await RegistryError.refusal(response, of: .manifest, verb: "pull", reference)
    }
    let bytes = try await response.body.collect(upTo: Manifest.maximumSize)
    let digest = Digest(of: bytes)
    let announced = response.headers.first(name: "Docker-Content-Digest")
    let isAnnounced = announced.map { !$0.hasPrefix("sha256:") || $0 == digest.description } ?? true
    guard isAnnounced, reference.digest.map({ $0 == digest }) ?? true else {
      throw RegistryError(
        .digestMismatch,
        "failed to pull model \"\(reference)\": the manifest does not match its digest: got \(digest), expected "
          + (reference.digest?.description ?? quoted(announced ?? "")))
    }
    let type = response.headers.first(name: "Content-Type")?.prefix { $0 != ";" && $0 != " " } ?? ""
    return FetchedManifest(bytes: bytes, digest: digest, mediaType: String(type))
  }

  private func stream(
    _ response: RegistryResponse, _ descriptor: Descriptor, from offset: Int64
  ) throws(RegistryError) -> BlobStream {
    func invalid(_ reason: String) -> RegistryError {
      RegistryError(.invalidResponse, "blob \(descriptor.digest): \(reason)")
    }
    var start: Int64 = 0
    if response.status == .partialContent {
      let range = response.headers.first(name: "Content-Range").flatMap(ContentRange.init)
      guard offset > 0, let range, range.start == offset, range.total.map({ $0 == descriptor.size }) ?? true else {
        throw invalid("the registry sends another range than the one asked for")
      }
      start = offset
    }
    let announced = response.headers.first(name: "Content-Length").flatMap { Int64($0) }
    if let announced, announced > descriptor.size - start || (start == 0 && announced != descriptor.size) {
      throw invalid("the registry announces \(announced) bytes, the manifest says \(descriptor.size - start)")
    }
    return BlobStream(startOffset: start, chunks: response.body.expecting(descriptor.size - start))
  }
}

/// `bytes 100-200/500`, `bytes 100-200/*`. Source: RFC 9110, section 14.4.
struct ContentRange {
  let start: Int64
  /// The last byte's offset.
  let end: Int64
  /// Nil when the server does not know.
  let total: Int64?

  init?(_ text: String) {
    guard text.hasPrefix("bytes ") else { return nil }
    let parts = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    let bounds = parts[0].split(separator: "-", omittingEmptySubsequences: false).map(Self.number)
    total = Self.number(parts[1])
    guard bounds.count == 2, let start = bounds[0], let end = bounds[1], start <= end, total != nil || parts[1] == "*"
    else { return nil }
    self.start = start
    self.end = end
  }

  private static func number(_ text: Substring) -> Int64? {
    (1...18).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int64(text) : nil
  }
}

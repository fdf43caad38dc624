// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelOCI
import PetrelRegistry

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Uploads to large file storage.
///
/// Source: the Git LFS batch API; the hub's transfer `multipart`, as its custom transfer agent does it: `chunk_size` and
/// numbered URLs among the headers of the upload action, which is itself where the parts' tags are reported.
extension HubClient {
  private static let lfsType = "application/vnd.git-lfs+json"
  /// Objects that are asked about at a time.
  private static let batchSize = 100

  func upload(
    _ files: [HubUploadFile], to name: HubName, token: String,
    progress: @escaping @Sendable (HubUploadFile, Int64) -> Void
  ) async throws {
    var seen: Set<Digest> = []
    let files = files.filter { seen.insert($0.digest).inserted || !reportSame($0, progress) }
    for start in stride(from: 0, to: files.count, by: Self.batchSize) {
      let part = files[start..<min(start + Self.batchSize, files.count)]
      let batch = try await batch(part, to: name, token: token)
      for file in part { try await upload(file, batch, to: name, token: token, progress: progress) }
    }
  }

  /// One file, until it is there. Addresses expire, so each try but the first asks for new ones.
  private func upload(
    _ file: HubUploadFile, _ batch: LFSPlaces, to name: HubName, token: String,
    progress: @escaping @Sendable (HubUploadFile, Int64) -> Void
  ) async throws {
    var known: LFSPlaces? = batch
    try await web.retryPolicy.withRetries {
      let places: LFSPlaces
      if let first = known { places = first } else { places = try await self.batch([file], to: name, token: token) }
      known = nil
      guard let object = places.objects[file.digest.hex] else {
        throw RegistryError(.invalidResponse, "the hub does not say where \(file.path) goes")
      }
      if let error = object.error {
        throw RegistryError(.denied, "the hub does not take \(file.path): it answers \(error.code)")
      }
      // No action: it is there.
      if let upload = object.actions?.upload {
        let tags = try await send(file, upload, places.namer) { progress(file, $0) }
        if let tags { try await complete(file, upload, places.namer, tags) }
        if let verify = object.actions?.verify { try await self.verify(file, verify, places.namer, name, token) }
      }
    }
    progress(file, file.size)
  }

  private func reportSame(
    _ file: HubUploadFile, _ progress: @Sendable (HubUploadFile, Int64) -> Void
  ) -> Bool {
    progress(file, file.size)
    return true
  }

  /// Where objects go, by their digests' digits.
  private func batch(
    _ files: some Collection<HubUploadFile>, to name: HubName, token: String
  ) async throws -> LFSPlaces {
    let request = LFSBatch(objects: files.map { LFSBatch.Object(oid: $0.digest.hex, size: $0.size) })
    let (bytes, namer) = try await postNaming(
      ByteBuffer(bytes: try JSONEncoder().encode(request)), Self.lfsType,
      to: try url("/\(Self.escaped(name.repository)).git/info/lfs/objects/batch"), name.repository, token: token)
    guard let answer = try? JSONDecoder().decode(LFSAnswer.self, from: Data(bytes)) else {
      throw RegistryError(.invalidResponse, "the hub does not say where the large files of \(name.repository) go")
    }
    return LFSPlaces(
      objects: Dictionary(answer.objects.map { ($0.oid, $0) }, uniquingKeysWith: { first, _ in first }), namer: namer)
  }

  /// Sends the bytes. Returns the tags of the parts; nil when there are no parts.
  private func send(
    _ file: HubUploadFile, _ action: LFSAction, _ namer: PlaceNamer, progress: @escaping @Sendable (Int64) -> Void
  ) async throws -> [String]? {
    let parts = action.parts
    guard let chunkSize = action.chunkSize else {
      var headers = HTTPHeaders((action.header ?? [:]).map { ($0.key, $0.value) })
      let type = headers.first(name: "Content-Type") ?? "application/octet-stream"
      headers.replaceOrAdd(name: "Content-Type", value: type)
      _ = try await put(file, 0..<file.size, to: action.href, namer, headers, progress)
      return nil
    }
    let count = Int(file.size / chunkSize) + (file.size % chunkSize == 0 ? 0 : 1)
    guard parts.count == count else {
      throw RegistryError(
        .invalidResponse, "the hub gives \(parts.count) addresses for the \(count) parts of \(file.path)")
    }
    var tags: [String] = []
    for (index, place) in parts.enumerated() {
      let start = Int64(index) * chunkSize
      let answer = try await put(file, start..<min(start + chunkSize, file.size), to: place, namer, [:], progress)
      guard let tag = answer.headers.first(name: "ETag") else {
        throw RegistryError(.invalidResponse, "the storage of Hugging Face gives no tag for a part of \(file.path)")
      }
      tags.append(tag)
    }
    return tags
  }

  private func put(
    _ file: HubUploadFile, _ range: Range<Int64>, to place: String, _ namer: PlaceNamer, _ headers: HTTPHeaders,
    _ progress: @escaping @Sendable (Int64) -> Void
  ) async throws -> WebUploadAnswer {
    let answer = try await web.put(
      file.content, range, of: file.size, to: try address(place, file), namedBy: namer, headers: headers,
      subject: "upload of \(file.path)", progress: progress)
    guard (200..<300).contains(answer.status.code) else { throw storageRefusal(answer.status, file, answer.retryAfter) }
    return answer
  }

  private func complete(_ file: HubUploadFile, _ action: LFSAction, _ namer: PlaceNamer, _ tags: [String]) async throws
  {
    let parts = tags.enumerated().map { LFSCompletion.Part(partNumber: $0.offset + 1, etag: $0.element) }
    let body = try JSONEncoder().encode(LFSCompletion(oid: file.digest.hex, parts: parts))
    let answer = try await web.send(
      .POST, to: try address(action.href, file), namedBy: namer, headers: ["Content-Type": Self.lfsType],
      body: ByteBuffer(bytes: body), subject: "upload of \(file.path)")
    await answer.discard()
    guard (200..<300).contains(answer.status.code) else { throw storageRefusal(answer.status, file, answer.retryAfter) }
  }

  /// Tells whoever wants to know that the object is there. The token goes along only to the hub itself.
  private func verify(
    _ file: HubUploadFile, _ action: LFSAction, _ namer: PlaceNamer, _ name: HubName, _ token: String
  ) async throws {
    let place = try address(action.href, file)
    var headers = HTTPHeaders((action.header ?? [:]).map { ($0.key, $0.value) })
    if Self.isSameOrigin(place, try url("")) { headers.replaceOrAdd(name: "Authorization", value: "Bearer \(token)") }
    headers.replaceOrAdd(name: "Content-Type", value: Self.lfsType)
    let body = try JSONEncoder().encode(LFSBatch.Object(oid: file.digest.hex, size: file.size))
    let answer = try await web.send(
      .POST, to: place, namedBy: namer, headers: headers, body: ByteBuffer(bytes: body),
      subject: "upload of \(file.path)")
    await answer.discard()
    guard (200..<300).contains(answer.status.code) else { throw storageRefusal(answer.status, file, answer.retryAfter) }
  }

  private func address(_ text: String, _ file: HubUploadFile) throws -> URL {
    guard let url = URL(string: text), let host = url.host, !host.isEmpty,
      ["http", "https"].contains(url.scheme?.lowercased())
    else { throw RegistryError(.invalidResponse, "the hub names no usable address for \(file.path)") }
    return url
  }

  /// An address that is refused has expired, most likely: the next try gets a new one.
  private func storageRefusal(
    _ status: HTTPResponseStatus, _ file: HubUploadFile, _ retryAfter: Duration?
  ) -> RegistryError {
    RegistryError(
      status == .tooManyRequests ? .rateLimited : .unavailable,
      "\(file.path): the storage of Hugging Face answers \(status.code)", retryAfter: retryAfter)
  }
}

private struct LFSBatch: Encodable {
  struct Object: Encodable {
    let oid: String
    let size: Int64
  }

  let operation = "upload"
  let transfers = ["basic", "multipart"]
  let objects: [Object]
  let hashAlgorithm = "sha256"

  enum CodingKeys: String, CodingKey {
    case operation, transfers, objects
    case hashAlgorithm = "hash_algo"
  }
}

/// Where objects go, by their digests' digits, and who says so.
private struct LFSPlaces {
  let objects: [String: LFSObject]
  let namer: PlaceNamer
}

private struct LFSAnswer: Decodable {
  let objects: [LFSObject]
}

private struct LFSObject: Decodable {
  struct Actions: Decodable {
    let upload: LFSAction?
    let verify: LFSAction?
  }

  struct Failure: Decodable {
    let code: Int
  }

  let oid: String
  let actions: Actions?
  let error: Failure?
}

private struct LFSAction: Decodable {
  let href: String
  let header: [String: String]?

  /// Bytes of a part; nil when the object goes in one piece.
  var chunkSize: Int64? { header?["chunk_size"].flatMap { Int64($0) }.flatMap { $0 > 0 ? $0 : nil } }

  /// Addresses of the parts, in order.
  var parts: [String] {
    let numbered = (header ?? [:]).compactMap { entry in Int(entry.key).map { ($0, entry.value) } }
    return numbered.sorted { $0.0 < $1.0 }.map(\.1)
  }
}

private struct LFSCompletion: Encodable {
  struct Part: Encodable {
    let partNumber: Int
    let etag: String
  }

  let oid: String
  let parts: [Part]
}

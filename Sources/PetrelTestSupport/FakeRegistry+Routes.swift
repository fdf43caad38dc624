// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelOCI
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension FakeRegistry {
  /// Records a request, finds the answer, and spoils it when a fault is due.
  func answer(_ head: HTTPRequestHead, _ body: ByteBuffer) -> FakeResponse {
    let parts = head.uri.split(separator: "?", maxSplits: 1).map(String.init)
    let path = parts.first ?? ""
    let query = parts.count > 1 ? parts[1] : ""
    let isForm = head.headers.first(name: "Content-Type") == "application/x-www-form-urlencoded"
    return state.withLock { state in
      state.requests.append(
        RecordedRequest(
          method: head.method.rawValue, path: path, query: query, headers: head.headers,
          form: isForm ? String(buffer: body) : ""))
      var fault: RegistryFault?
      let due = state.faults.firstIndex {
        path.hasSuffix($0.suffix) && $0.method == head.method.rawValue && !$0.fault.cutsRequests
      }
      if let due { fault = state.faults.remove(at: due).fault }
      var headers = head.headers
      if case .ignoreRange = fault { headers.remove(name: "Range") }
      if case .loseUpload(let bytes) = fault, let name = path.split(separator: "/").last.map(String.init) {
        state.uploads[name] = state.uploads[name]?.getSlice(at: 0, length: bytes)
      }
      // A request that is answered with an error has no effect.
      var response =
        if case .status = fault { FakeResponse(.ok) } else { state.route(head.method, path, query, headers, body) }
      if let fault { response.apply(fault) }
      response.isHeadOnly = head.method == .HEAD
      return response
    }
  }
}

extension FakeRegistry.State {
  mutating func route(
    _ method: HTTPMethod, _ path: String, _ query: String, _ headers: HTTPHeaders, _ body: ByteBuffer
  ) -> FakeResponse {
    if path == "/token" { return token(method, query, headers, body) }
    if path.hasPrefix("/cdn/") {
      let content = Digest(String(path.dropFirst(5))).flatMap { digest in
        blobs.values.compactMap { $0[digest] }.first
      }
      return content.map { ranged($0, headers) } ?? FakeResponse(.notFound)
    }
    guard path.hasPrefix("/v2/") else { return FakeResponse(.notFound) }
    var components = path.dropFirst(4).split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard components.count >= 3, let last = components.popLast(), let kind = components.popLast() else {
      return FakeResponse(.notFound)
    }
    if kind == "uploads" { components.removeLast() }
    let repository = components.joined(separator: "/")
    let isRead = method == .GET || (method == .HEAD && kind == "manifests")
    if let challenge = challenge(
      headers, scope: "repository:\(repository):pull\(isRead || method == .HEAD ? "" : ",push")")
    {
      return challenge
    }
    switch (kind, method) {
    case ("manifests", .PUT): return putManifest(repository, last, headers, body)
    case ("manifests", _): return readManifest(repository, last)
    case ("blobs", .GET), ("blobs", .HEAD): return readBlob(repository, last, method, headers)
    case ("uploads", .POST): return openUpload(repository, query)
    case ("uploads", .GET): return describeUpload(repository, last)
    case ("uploads", .PATCH): return takeChunk(repository, last, headers, body)
    case ("uploads", .PUT): return finishUpload(repository, last, query, body)
    default: return FakeResponse(.methodNotAllowed)
    }
  }

  private func readManifest(_ repository: String, _ version: String) -> FakeResponse {
    guard let known = manifests[repository] else { return .failure(.notFound, "NAME_UNKNOWN") }
    guard let manifest = known[version] else { return .failure(.notFound, "MANIFEST_UNKNOWN") }
    return FakeResponse(
      .ok,
      headers: [
        "Content-Type": manifest.mediaType, "Docker-Content-Digest": Digest(of: manifest.bytes).description,
      ], body: ByteBuffer(bytes: manifest.bytes))
  }

  private mutating func putManifest(
    _ repository: String, _ version: String, _ headers: HTTPHeaders, _ body: ByteBuffer
  ) -> FakeResponse {
    let bytes = Array(body.readableBytesView)
    let digest = Digest(of: bytes)
    let manifest = FakeRegistry.StoredManifest(
      bytes: bytes, mediaType: headers.first(name: "Content-Type") ?? "")
    manifests[repository, default: [:]][version] = manifest
    manifests[repository, default: [:]][digest.description] = manifest
    return FakeResponse(.created, headers: ["Docker-Content-Digest": digest.description])
  }

  private func readBlob(
    _ repository: String, _ name: String, _ method: HTTPMethod, _ headers: HTTPHeaders
  ) -> FakeResponse {
    guard let digest = Digest(name), let content = blobs[repository]?[digest] else {
      return .failure(.notFound, "BLOB_UNKNOWN")
    }
    if let blobRedirect, method == .GET {
      return FakeResponse(.temporaryRedirect, headers: ["Location": "\(blobRedirect)/cdn/\(digest)"])
    }
    return ranged(content, method == .GET ? headers : [:])
  }

  private func ranged(_ content: ByteBuffer, _ headers: HTTPHeaders) -> FakeResponse {
    let total = content.readableBytes
    guard let range = headers.first(name: "Range") else { return FakeResponse(.ok, body: content) }
    let bounds = range.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
    guard let start = bounds.first.flatMap({ Int($0) }), start < total else {
      return FakeResponse(.rangeNotSatisfiable, headers: ["Content-Range": "bytes */\(total)"])
    }
    let end = min(bounds.count > 1 ? Int(bounds[1]) ?? total - 1 : total - 1, total - 1)
    let slice = content.getSlice(at: content.readerIndex + start, length: end - start + 1) ?? ByteBuffer()
    return FakeResponse(.partialContent, headers: ["Content-Range": "bytes \(start)-\(end)/\(total)"], body: slice)
  }
}

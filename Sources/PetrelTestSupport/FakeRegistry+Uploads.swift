// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelOCI
import Synchronization

extension FakeRegistry {
  /// Lets no blob be taken from another repository.
  package func refuseMounts() {
    state.withLock { $0.refusesMounts = true }
  }

  /// Announces the least size of chunks.
  package func wantChunks(ofAtLeast bytes: Int) {
    state.withLock { $0.minimumChunk = bytes }
  }

  /// Where a request's body is cut short, when such a fault is due. What comes of a chunk is kept.
  func limit(_ head: HTTPRequestHead) -> FakeServer.RequestLimit? {
    let path = head.uri.split(separator: "?", maxSplits: 1).first.map(String.init) ?? ""
    let fault = state.withLock { state -> RegistryFault? in
      let due = state.faults.firstIndex {
        path.hasSuffix($0.suffix) && $0.method == head.method.rawValue && $0.fault.cutsRequests
      }
      return due.map { state.faults.remove(at: $0).fault }
    }
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    let take: @Sendable (ByteBuffer) -> Void = { [weak self] bytes in
      self?.state.withLock { state in
        state.requests.append(
          RecordedRequest(method: head.method.rawValue, path: path, query: "", headers: head.headers, form: ""))
        if head.method == .PATCH { state.uploads[name]?.writeImmutableBuffer(bytes) }
      }
    }
    switch fault {
    case .cutRequest(let bytes): return FakeServer.RequestLimit(bytes: bytes, stalls: false, take: take)
    case .stallRequest(let bytes): return FakeServer.RequestLimit(bytes: bytes, stalls: true, take: take)
    default: return nil
    }
  }
}

extension RegistryFault {
  var cutsRequests: Bool {
    switch self {
    case .cutRequest, .stallRequest: true
    case .status, .wrongBytes, .close, .stall, .ignoreRange, .headers, .body, .loseUpload: false
    }
  }
}

extension FakeRegistry.State {
  mutating func openUpload(_ repository: String, _ query: String) -> FakeResponse {
    let fields = parameters(query)
    if let digest = fields["mount"]?.first.flatMap({ Digest($0) }), let source = fields["from"]?.first,
      let content = blobs[source]?[digest], !refusesMounts
    {
      blobs[repository, default: [:]][digest] = content
      return FakeResponse(.created, headers: ["Docker-Content-Digest": digest.description])
    }
    uploadCount += 1
    let name = "upload-\(uploadCount)"
    uploads[name] = ByteBuffer()
    var headers: HTTPHeaders = ["Location": location(repository, name), "Range": "0-0"]
    if let minimumChunk { headers.add(name: "OCI-Chunk-Min-Length", value: String(minimumChunk)) }
    return FakeResponse(.accepted, headers: headers)
  }

  func describeUpload(_ repository: String, _ name: String) -> FakeResponse {
    guard let content = uploads[name] else { return .failure(.notFound, "BLOB_UPLOAD_UNKNOWN") }
    return FakeResponse(.noContent, headers: progress(repository, name, content.readableBytes))
  }

  mutating func takeChunk(
    _ repository: String, _ name: String, _ headers: HTTPHeaders, _ body: ByteBuffer
  ) -> FakeResponse {
    guard let content = uploads[name] else { return .failure(.notFound, "BLOB_UPLOAD_UNKNOWN") }
    let start = headers.first(name: "Content-Range")?.split(separator: "-").first.flatMap { Int($0) }
    guard start == content.readableBytes else {
      return FakeResponse(.rangeNotSatisfiable, headers: progress(repository, name, content.readableBytes))
    }
    uploads[name]?.writeImmutableBuffer(body)
    return FakeResponse(.accepted, headers: progress(repository, name, content.readableBytes + body.readableBytes))
  }

  mutating func finishUpload(
    _ repository: String, _ name: String, _ query: String, _ body: ByteBuffer
  ) -> FakeResponse {
    let wanted = parameters(query)["digest"]?.first ?? ""
    var content = uploads.removeValue(forKey: name) ?? ByteBuffer()
    content.writeImmutableBuffer(body)
    let digest = Digest(of: content)
    guard wanted == digest.description, query.hasPrefix("_state=abc%2Fdef&") else {
      return .failure(.badRequest, "DIGEST_INVALID")
    }
    blobs[repository, default: [:]][digest] = content
    return FakeResponse(.created, headers: ["Docker-Content-Digest": digest.description])
  }

  private func progress(_ repository: String, _ name: String, _ size: Int) -> HTTPHeaders {
    ["Location": location(repository, name), "Range": "0-\(max(size - 1, 0))"]
  }

  private func location(_ repository: String, _ name: String) -> String {
    "\(uploadBase)/v2/\(repository)/blobs/uploads/\(name)?_state=abc%2Fdef"
  }
}

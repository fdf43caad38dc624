// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Pushes, as the hub takes them: repositories are created, files are sorted into large and small ones, objects go into
/// the store, a commit names them.
extension FakeHub.State {
  mutating func routePush(_ head: HTTPRequestHead, _ path: String, _ body: ByteBuffer) -> FakeResponse {
    let token = head.headers.first(name: "Authorization")?.dropFirst("Bearer ".count)
    guard let token, writers.contains(String(token)) else { return FakeResponse(.unauthorized) }
    let parts = path.split(separator: "/").map(String.init)
    let bytes = Data(body.readableBytesView)
    if path == "/verify" { return FakeResponse(.ok) }
    if path == "/api/repos/create" { return create(bytes) }
    if path.hasSuffix(".git/info/lfs/objects/batch") { return batch(bytes) }
    guard parts.count == 6, parts.starts(with: ["api", "models"]) else { return FakeResponse(.notFound) }
    let repository = "\(parts[2])/\(parts[3])"
    guard repositories[repository] != nil else {
      return FakeResponse(.notFound, headers: ["X-Error-Code": "RepoNotFound"])
    }
    switch parts[4] {
    case "preupload": return preupload(bytes)
    case "commit": return commit(bytes, to: repository)
    default: return FakeResponse(.notFound)
    }
  }

  /// Takes an object or a part of one, or puts the parts together.
  mutating func storeUpload(_ head: HTTPRequestHead, _ path: String, _ body: ByteBuffer) -> FakeResponse {
    let parts = path.split(separator: "/").map(String.init)
    // Addresses speak for themselves: the token must not come here.
    guard !head.headers.contains(name: "Authorization"), parts.count >= 2, let digest = Digest(hex: parts[1]) else {
      return FakeResponse(.forbidden)
    }
    switch (head.method, parts[0]) {
    case (.PUT, "upload"):
      guard Digest(of: body) == digest else { return FakeResponse(.badRequest) }
      objects[digest] = body
      return FakeResponse(.ok)
    case (.PUT, "part"):
      let number = Int(parts[2]) ?? 0
      self.parts[digest, default: [:]][number] = body
      return FakeResponse(.ok, headers: ["ETag": "\"tag-\(number)\""])
    case (.POST, "complete"):
      guard let view = try? JSONDecoder().decode(Completion.self, from: Data(body.readableBytesView)) else {
        return FakeResponse(.badRequest)
      }
      var whole = ByteBuffer()
      for part in view.parts where part.etag == "\"tag-\(part.partNumber)\"" {
        if var bytes = self.parts[digest]?[part.partNumber] { whole.writeBuffer(&bytes) }
      }
      guard Digest(of: whole) == digest else { return FakeResponse(.badRequest) }
      objects[digest] = whole
      return FakeResponse(.ok)
    default: return FakeResponse(.notFound)
    }
  }

  private mutating func create(_ body: Data) -> FakeResponse {
    guard let view = try? JSONDecoder().decode(NewRepository.self, from: body) else { return FakeResponse(.badRequest) }
    let name = "\(view.organization)/\(view.name)"
    guard repositories[name] == nil else { return FakeResponse(.conflict) }
    repositories[name] = FakeHub.Repository()
    return json(#"{"url":"http://127.0.0.1:\#(port)/\#(name)"}"#)
  }

  private func preupload(_ body: Data) -> FakeResponse {
    guard let view = try? JSONDecoder().decode([String: [Sample]].self, from: body) else {
      return FakeResponse(.badRequest)
    }
    let files = (view["files"] ?? []).map { file in
      let isText = Data(base64Encoded: file.sample)?.contains(0) == false
      return #"{"path":"\#(file.path)","uploadMode":"\#(isText ? "regular" : "lfs")","shouldIgnore":false}"#
    }
    return json(#"{"files":[\#(files.joined(separator: ","))]}"#)
  }

  private func batch(_ body: Data) -> FakeResponse {
    guard let view = try? JSONDecoder().decode(Batch.self, from: body), view.operation == "upload" else {
      return FakeResponse(.badRequest)
    }
    let store = "http://127.0.0.1:\(storePort)"
    let objects = view.objects.map { object in
      let (oid, size) = (object.oid, object.size)
      let isKnown = Digest(hex: oid).map { self.objects[$0] != nil } ?? false
      if isKnown { return #"{"oid":"\#(oid)","size":\#(size)}"# }
      var upload = #"{"href":"\#(store)/upload/\#(oid)?signature=x"}"#
      if let partSize, size > partSize {
        let places = (1...(size + partSize - 1) / partSize).map {
          #""\#($0)":"\#(store)/part/\#(oid)/\#($0)?signature=x""#
        }
        let header = ([#""chunk_size":"\#(partSize)""#] + places).joined(separator: ",")
        upload = #"{"href":"\#(store)/complete/\#(oid)","header":{\#(header)}}"#
      }
      let verify = #"{"href":"http://127.0.0.1:\#(port)/verify"}"#
      return #"{"oid":"\#(oid)","size":\#(size),"actions":{"upload":\#(upload),"verify":\#(verify)}}"#
    }
    return json(#"{"transfer":"basic","objects":[\#(objects.joined(separator: ","))]}"#)
  }

  private mutating func commit(_ body: Data, to repository: String) -> FakeResponse {
    var files = repositories[repository]?.files ?? [:]
    for line in body.split(separator: 0x0A) {
      guard let view = try? JSONDecoder().decode(Line.self, from: Data(line)) else { return FakeResponse(.badRequest) }
      switch view.key {
      case "header": continue
      case "file":
        guard let path = view.value.path, let content = view.value.content.flatMap({ Data(base64Encoded: $0) }) else {
          return FakeResponse(.badRequest)
        }
        files[path] = FakeHub.Entry(content: ByteBuffer(bytes: content), isLarge: false)
      case "lfsFile":
        // A file of which there are no bytes is refused.
        guard let path = view.value.path, let digest = view.value.oid.flatMap({ Digest(hex: $0) }),
          let content = objects[digest], content.readableBytes == view.value.size
        else { return FakeResponse(.unprocessableEntity) }
        files[path] = FakeHub.Entry(content: content, isLarge: true)
      default: return FakeResponse(.badRequest)
      }
    }
    commitCount += 1
    let count = String(commitCount, radix: 16)
    let commit = String(repeating: "c", count: 40 - count.count) + count
    repositories[repository]?.files = files
    repositories[repository]?.commit = commit
    repositories[repository]?.lastModified = "2024-05-01T10:00:00.000Z"
    repositories[repository]?.commits[commit] = files
    repositories[repository]?.names["main"] = commit
    return json(#"{"success":true,"commitOid":"\#(commit)"}"#)
  }

  private func json(_ text: String) -> FakeResponse {
    FakeResponse(.ok, headers: ["Content-Type": "application/json"], body: ByteBuffer(string: text))
  }
}

private struct NewRepository: Decodable {
  let name: String
  let organization: String
}

private struct Sample: Decodable {
  let path: String
  let sample: String
}

private struct Batch: Decodable {
  struct Object: Decodable {
    let oid: String
    let size: Int
  }

  let operation: String
  let objects: [Object]
}

private struct Completion: Decodable {
  struct Part: Decodable {
    let partNumber: Int
    let etag: String
  }

  let parts: [Part]
}

private struct Line: Decodable {
  struct Value: Decodable {
    let path: String?
    let content: String?
    let oid: String?
    let size: Int?
  }

  let key: String
  let value: Value
}

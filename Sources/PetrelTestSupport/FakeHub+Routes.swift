// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelOCI
import PetrelWire
import Synchronization

import enum Crypto.Insecure

extension FakeHub {
  /// Answers as the hub.
  func answer(_ head: HTTPRequestHead, _ body: ByteBuffer) -> FakeResponse {
    state.withLock { state in
      let (path, query) = Self.split(head.uri)
      state.requests.append(
        RecordedRequest(method: head.method.rawValue, path: path, query: query, headers: head.headers, form: ""))
      var response =
        head.method == .POST
        ? state.routePush(head, path, body) : state.route(head, path, query)
      if let fault = state.takeFault(path, head.method) { response.apply(fault) }
      response.isHeadOnly = head.method == .HEAD
      return response
    }
  }

  /// Answers as the server that large files come from.
  func answerFromStore(_ head: HTTPRequestHead, _ body: ByteBuffer) -> FakeResponse {
    state.withLock { state in
      let (path, query) = Self.split(head.uri)
      state.storeRequests.append(
        RecordedRequest(method: head.method.rawValue, path: path, query: query, headers: head.headers, form: ""))
      let fault = state.takeFault(path, head.method)
      if head.method != .GET {
        var response = state.storeUpload(head, path, body)
        if let fault { response.apply(fault) }
        return response
      }
      var headers = head.headers
      if case .ignoreRange = fault { headers.remove(name: "Range") }
      let digest = path.split(separator: "/").last.flatMap { Digest(hex: String($0)) }
      let entries = state.repositories.values.flatMap { $0.commits.values.flatMap(\.values) }
      guard let entry = entries.first(where: { $0.isLarge && Digest(of: $0.content) == digest }) else {
        return FakeResponse(.notFound)
      }
      var response = Self.ranged(entry.content, headers)
      if let fault { response.apply(fault) }
      return response
    }
  }

  fileprivate static func split(_ uri: String) -> (path: String, query: String) {
    let parts = uri.split(separator: "?", maxSplits: 1).map(String.init)
    return (decoded(parts.first ?? ""), parts.count > 1 ? parts[1] : "")
  }

  private static func decoded(_ path: String) -> String {
    var bytes: [UInt8] = []
    var rest = Substring(path)
    while let byte = rest.utf8.first {
      let escape = rest.dropFirst().prefix(2)
      if byte == UInt8(ascii: "%"), let value = UInt8(escape, radix: 16) {
        bytes.append(value)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
        rest = Substring(rest.utf8.dropFirst())
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  fileprivate static func ranged(_ content: ByteBuffer, _ headers: HTTPHeaders) -> FakeResponse {
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

extension FakeHub.State {
  fileprivate mutating func takeFault(_ path: String, _ method: HTTPMethod) -> RegistryFault? {
    let due = faults.firstIndex { path.contains($0.part) && $0.method == method.rawValue }
    return due.map { faults.remove(at: $0).fault }
  }

  fileprivate func route(_ head: HTTPRequestHead, _ path: String, _ query: String) -> FakeResponse {
    let parts = path.split(separator: "/").map(String.init)
    let isAPI = parts.starts(with: ["api", "models"])
    let rest = Array(isAPI ? parts.dropFirst(2) : parts[...])
    guard rest.count >= 3 else { return refusal(.notFound, "RepoNotFound") }
    let typed = rest[0...1].joined(separator: "/")
    // The hub finds repositories whatever the letter case.
    guard let (id, repository) = repositories.first(where: { $0.key.lowercased() == typed.lowercased() }) else {
      return refusal(.unauthorized, "RepoNotFound")
    }
    let revision = rest.count > 3 ? rest[3] : ""
    guard let commit = repository.names[revision] ?? (repository.commits[revision] == nil ? nil : revision),
      let files = repository.commits[commit]
    else { return refusal(.notFound, "RevisionNotFound") }
    switch (isAPI, rest[2]) {
    case (true, "revision"):
      return FakeResponse(
        .ok, headers: ["Content-Type": "application/json"],
        body: ByteBuffer(
          string: #"{"id":"\#(id)","sha":"\#(commit)","lastModified":"\#(repository.lastModified)","private":false}"#))
    case (true, "tree"): return listing(files, path, query)
    case (false, "resolve"):
      if repository.isGated {
        let token = head.headers.first(name: "Authorization")?.dropFirst("Bearer ".count)
        guard let token else { return refusal(.unauthorized, "GatedRepo") }
        guard tokens.contains(String(token)) else { return refusal(.forbidden, "GatedRepo") }
      }
      guard let entry = files[rest.dropFirst(4).joined(separator: "/")] else {
        return refusal(.notFound, "EntryNotFound")
      }
      return content(entry, commit, head.headers)
    default: return FakeResponse(.notFound)
    }
  }

  private func content(_ entry: FakeHub.Entry, _ commit: String, _ headers: HTTPHeaders) -> FakeResponse {
    guard entry.isLarge else {
      var response = FakeHub.ranged(entry.content, headers)
      response.headers.add(name: "X-Repo-Commit", value: commit)
      return response
    }
    let digest = Digest(of: entry.content)
    return FakeResponse(
      .found,
      headers: [
        "Location": "http://127.0.0.1:\(storePort)/store/\(digest.hex)?signature=secret", "X-Repo-Commit": commit,
        "X-Linked-Etag": "\"\(digest.hex)\"", "X-Linked-Size": String(entry.content.readableBytes),
      ])
  }

  private func listing(_ files: [String: FakeHub.Entry], _ path: String, _ query: String) -> FakeResponse {
    guard query.contains("recursive=true") else { return FakeResponse(.badRequest) }
    var items: [Item] = []
    var folders: Set<String> = []
    for (name, entry) in files.sorted(by: { $0.key < $1.key }) {
      let parents = name.split(separator: "/").dropLast()
      for depth in parents.indices {
        let folder = parents[...depth].joined(separator: "/")
        guard folders.insert(folder).inserted else { continue }
        items.append(Item(type: "directory", path: folder, size: 0, oid: String(repeating: "d", count: 40)))
      }
      items.append(Item(entry, name))
    }
    let start = query.firstMatch(of: /cursor=([0-9]+)/).flatMap { Int($0.1) } ?? 0
    let page = Array(items.dropFirst(start).prefix(pageSize))
    var headers: HTTPHeaders = ["Content-Type": "application/json"]
    if start + page.count < items.count {
      let next = "http://127.0.0.1:\(port)\(path)?recursive=true&cursor=\(start + page.count)"
      headers.add(name: "Link", value: "<\(next)>; rel=\"next\"")
    }
    let body = (try? CanonicalJSONEncoder().encode(page)) ?? ""
    return FakeResponse(.ok, headers: headers, body: ByteBuffer(string: body))
  }

  private func refusal(_ status: HTTPResponseStatus, _ code: String) -> FakeResponse {
    FakeResponse(
      status, headers: ["X-Error-Code": code, "X-Error-Message": "a message from the hub"],
      body: ByteBuffer(string: "{\"error\":\"a message from the hub\"}"))
  }
}

/// An entry of a listing.
private struct Item: Encodable {
  struct LFS: Encodable {
    var oid: String
    var size: Int
    var pointerSize = 135
  }

  var type: String
  var path: String
  var size: Int
  var oid: String
  var lfs: LFS?

  init(type: String, path: String, size: Int, oid: String) {
    self.type = type
    self.path = path
    self.size = size
    self.oid = oid
  }

  init(_ entry: FakeHub.Entry, _ path: String) {
    let bytes = Array(entry.content.readableBytesView)
    self.init(type: "file", path: path, size: bytes.count, oid: Self.gitHash(bytes))
    guard entry.isLarge else { return }
    // What Git holds is a small text that stands for the content.
    oid = Self.gitHash(Array("pointer to \(path)".utf8))
    lfs = LFS(oid: Digest(of: bytes).hex, size: bytes.count)
  }

  private static func gitHash(_ bytes: [UInt8]) -> String {
    var hash = Insecure.SHA1()
    hash.update(data: Array("blob \(bytes.count)\0".utf8) + bytes)
    return hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

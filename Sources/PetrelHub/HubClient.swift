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

/// Talks to Hugging Face, or to a server with the same API.
///
/// Small requests are repeated where that can help; an open download is one attempt, its reader resumes it. The token
/// goes to the hub and not to the hosts that it redirects to. Every call throws `RegistryError`, ``HubError`` or
/// `CancellationError`.
///
/// Source: Hugging Face's documentation, "Hub API endpoints".
package struct HubClient: Sendable {
  /// Entries of one repository; the largest have some thousands.
  static let maximumFiles = 100_000
  /// Bytes of one page of a listing, and of other JSON answers.
  static let maximumJSON = 16 * 1024 * 1024

  let web: WebReader
  package let settings: HubSettings

  package init(web: WebReader, settings: HubSettings) {
    self.web = web
    self.settings = settings
  }

  /// The repository's page, for messages: it is there that people accept terms.
  package static func page(of repository: String) -> String { "\(HubSettings.publicEndpoint)/\(repository)" }

  /// The state that `name` means now.
  ///
  /// - Parameter tries: how often the request is made when the hub cannot be reached; nil for the usual number.
  package func revision(of name: HubName, token: String?, tries: Int? = nil) async throws -> HubRevision {
    let url = try url("/api/models/\(Self.escaped(name.repository))/revision/\(Self.escaped(name.revision ?? "main"))")
    let answer: RevisionView = try await json(url, name.repository, token: token, tries: tries).value
    guard answer.sha.wholeMatch(of: /[0-9a-f]{40,64}/) != nil else {
      throw RegistryError(.invalidResponse, "\(name.repository): the hub does not say which commit this is")
    }
    let id = answer.id.flatMap { $0.lowercased() == name.repository.lowercased() ? $0 : nil }
    return HubRevision(
      repository: id ?? name.repository, commit: answer.sha, lastModified: answer.lastModified)
  }

  /// All files, folders left out. Files with names that could lead out of a folder are left out too.
  package func files(of revision: HubRevision, token: String?) async throws -> [HubFile] {
    var next: URL? = try url(
      "/api/models/\(Self.escaped(revision.repository))/tree/\(revision.commit)?recursive=true")
    var files: [HubFile] = []
    var seen: Set<URL> = []
    while let page = next {
      guard seen.insert(page).inserted, files.count <= Self.maximumFiles else {
        throw RegistryError(.invalidResponse, "\(revision.repository): the list of files does not end")
      }
      let (entries, link): ([EntryView], URL?) = try await json(page, revision.repository, token: token)
      files += entries.compactMap(\.file)
      next = link
    }
    return files
  }

  /// A small file, checked against its digest or Git's hash.
  ///
  /// - Parameter limit: bytes; a larger file is refused.
  package func content(of file: HubFile, in revision: HubRevision, limit: Int, token: String?) async throws -> [UInt8] {
    guard file.size <= Int64(limit) else {
      throw HubError(
        .unusable, "\(file.path) in \(revision.repository) has \(file.size) bytes; at most \(limit) are read")
    }
    return try await web.retryPolicy.withRetries {
      let (answer, _) = try await open(file, in: revision, from: 0, token: token)
      let bytes = try await answer.bytes(upTo: limit)
      let isRight =
        if let digest = file.digest { Digest(of: bytes) == digest } else { GitBlob.hash(bytes) == file.gitHash }
      guard isRight else {
        throw RegistryError(
          .digestMismatch, "\(file.path) in \(revision.repository) is not what the hub's listing promises; try again")
      }
      return bytes
    }
  }

  /// The first `count` bytes of a file, or all of a shorter one, not checked.
  ///
  /// - Parameter known: bytes from the start that need not be sent again.
  package func beginning(
    of file: HubFile, in revision: HubRevision, count: Int, known: [UInt8], token: String?
  ) async throws -> [UInt8] {
    let wanted = Int(min(Int64(count), file.size))
    return try await web.retryPolicy.withRetries {
      var bytes = known
      let (answer, start) = try await open(
        file, in: revision, from: Int64(known.count), through: Int64(wanted) - 1, token: token)
      if start == 0 { bytes = [] }
      for try await chunk in answer.body {
        bytes.append(contentsOf: chunk.readableBytesView.prefix(wanted - bytes.count))
        // A server that ignores ranges would send gigabytes.
        if bytes.count == wanted { break }
      }
      guard bytes.count == wanted else {
        throw RegistryError(.truncated, "\(file.path) in \(revision.repository) ended after \(bytes.count) bytes")
      }
      return bytes
    }
  }

  /// One attempt at a file's bytes.
  ///
  /// - Parameter through: the last byte that is wanted; nil for the end.
  /// - Returns: where the body begins: at `offset`, or at 0 when the server cannot begin there.
  package func open(
    _ file: HubFile, in revision: HubRevision, from offset: Int64, through last: Int64? = nil, token: String?
  ) async throws -> (answer: WebAnswer, start: Int64) {
    var headers = authorization(token)
    if offset > 0 || last != nil {
      headers.add(name: "Range", value: "bytes=\(offset)-\(last.map(String.init) ?? "")")
    }
    let subject = "\(file.path) in \(revision.repository)"
    let answer = try await web.get(try url(of: file, in: revision), headers: headers, subject: subject)
    switch answer.status {
    case .ok: return (answer, 0)
    case .partialContent:
      guard let range = answer.range, range.bytes.lowerBound == offset,
        range.total.map({ $0 == file.size }) ?? true
      else {
        throw RegistryError(.invalidResponse, "\(subject): the server sends another range than the one asked for")
      }
      return (answer, offset)
    default: throw await refusal(answer, revision.repository, of: file.path, hasToken: token != nil)
    }
  }

  // MARK: Pieces

  func url(of file: HubFile, in revision: HubRevision) throws(HubError) -> URL {
    try url("/\(Self.escaped(revision.repository))/resolve/\(revision.commit)/\(Self.escaped(file.path))")
  }

  func authorization(_ token: String?) -> HTTPHeaders {
    token.map { ["Authorization": "Bearer \($0)"] } ?? [:]
  }

  func url(_ path: String) throws(HubError) -> URL {
    guard let url = URL(string: settings.endpoint + path), let host = url.host, !host.isEmpty,
      ["http", "https"].contains(url.scheme?.lowercased())
    else {
      throw HubError(
        .unusable,
        "the address of the hub, \(quoted(settings.endpoint)), is not a URL; set HF_ENDPOINT to one such as "
          + HubSettings.publicEndpoint)
    }
    return url
  }

  /// A path whose parts are escaped and whose slashes stay. Source: RFC 3986, section 2.
  static func escaped(_ path: String) -> String {
    path.utf8.map { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E, 0x2F: String(UnicodeScalar(byte))
      default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }

  /// One JSON answer, and the next page where the answer is one of several.
  private func json<Value: Decodable>(
    _ url: URL, _ repository: String, token: String?, tries: Int? = nil
  ) async throws -> (value: Value, next: URL?) {
    var policy = web.retryPolicy
    policy.attempts = tries ?? policy.attempts
    return try await policy.withRetries {
      let answer = try await web.get(
        url, headers: authorization(token), subject: "\(settings.endpoint), asked about \(repository)")
      guard answer.status == .ok else {
        throw await refusal(answer, repository, of: nil, hasToken: token != nil)
      }
      let bytes = try await answer.bytes(upTo: Self.maximumJSON)
      guard let value = try? JSONDecoder().decode(Value.self, from: Data(bytes)) else {
        throw RegistryError(.invalidResponse, "the hub's answer about \(repository) is not what its API promises")
      }
      return (value, try nextPage(answer, after: url))
    }
  }

  /// The URL that a `Link` header calls the next one. Source: RFC 8288.
  ///
  /// - Parameter url: what was asked for, before any redirect.
  private func nextPage(_ answer: WebAnswer, after url: URL) throws -> URL? {
    let links = answer.headers["Link"].joined(separator: ", ")
    guard let match = links.firstMatch(of: /<([^>]*)>[^<]*;\s*rel="?next"?/) else { return nil }
    // The token goes along, so the next page must be at the hub, wherever this one came from.
    guard let next = URL(string: String(match.1), relativeTo: answer.url)?.absoluteURL, Self.isSameOrigin(next, url)
    else { throw RegistryError(.refusedRedirect, "the hub's list of files goes on at another host; refused") }
    return next
  }

  static func isSameOrigin(_ first: URL, _ second: URL) -> Bool {
    first.scheme == second.scheme && first.host == second.host && first.port == second.port
  }

  private struct RevisionView: Decodable {
    let sha: String
    let id: String?
    let lastModified: String?
  }

  private struct EntryView: Decodable {
    struct LFS: Decodable {
      let oid: String
      let size: Int64
    }
    let type: String
    let path: String
    let size: Int64?
    let oid: String?
    let lfs: LFS?

    var file: HubFile? {
      guard type == "file", let parts = try? ModelPath.components(of: path), parts.joined(separator: "/") == path,
        let size = lfs?.size ?? size, size >= 0
      else { return nil }
      // The digest of an LFS object is written with or without its algorithm.
      let digest = lfs.flatMap { Digest(hex: $0.oid) ?? Digest($0.oid) }
      guard digest != nil || lfs == nil else { return nil }
      return HubFile(path: path, size: size, digest: digest, gitHash: oid ?? "")
    }
  }
}

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

extension HubClient {
  /// Files up to this size may be part of a commit, where the hub wants that. Bytes.
  static let maximumInline: Int64 = 10 * 1024 * 1024
  /// How much of a file the hub sees to decide where it goes. Bytes.
  private static let sampleSize: Int64 = 512

  /// Puts files into a repository, as one commit. Makes the repository when there is none. Files that the hub has are not
  /// sent again.
  ///
  /// Source: the hub's documentation of its API and of the client library: create, preupload, commit.
  ///
  /// - Parameters:
  ///   - progress: called with the bytes of a file that have been sent.
  package func push(
    _ files: [HubUploadFile], to name: HubName, summary: String, token: String,
    progress: @escaping @Sendable (HubUploadFile, Int64) -> Void
  ) async throws {
    let modes: [String: FileMode]
    do {
      modes = try await preupload(files, to: name, token: token)
    } catch let error as RegistryError where error.code == .notFound && name.revision == nil {
      try await create(name, token: token)
      modes = try await preupload(files, to: name, token: token)
    }
    let kept = files.filter { modes[$0.path]?.shouldIgnore != true }
    let large = Set(kept.filter { modes[$0.path]?.uploadMode != "regular" || $0.size > Self.maximumInline }.map(\.path))
    try await upload(kept.filter { large.contains($0.path) }, to: name, token: token, progress: progress)
    var lines = [try line("header", CommitHeader(summary: summary, description: ""))]
    for file in kept {
      if large.contains(file.path) {
        lines.append(
          try line("lfsFile", LargeFile(path: file.path, oid: file.digest.hex, size: file.size)))
      } else {
        let bytes = try await file.bytes(upTo: Self.maximumInline)
        lines.append(try line("file", SmallFile(path: file.path, content: Data(bytes).base64EncodedString())))
        progress(file, file.size)
      }
    }
    let url = try url(
      "/api/models/\(Self.escaped(name.repository))/commit/\(Self.escaped(name.revision ?? "main"))")
    _ = try await post(
      ByteBuffer(bytes: lines.joined(separator: [0x0A])), "application/x-ndjson", to: url, name.repository, token: token
    )
  }

  // MARK: Pieces

  /// One POST to the hub itself, repeated where that can help. Returns the answer's bytes.
  func post(
    _ body: ByteBuffer, _ contentType: String, to url: URL, _ repository: String, token: String,
    accepting also: HTTPResponseStatus? = nil
  ) async throws -> [UInt8] {
    try await postNaming(body, contentType, to: url, repository, token: token, accepting: also).bytes
  }

  /// - Returns: also who answers for the places that the answer names.
  func postNaming(
    _ body: ByteBuffer, _ contentType: String, to url: URL, _ repository: String, token: String,
    accepting also: HTTPResponseStatus? = nil
  ) async throws -> (bytes: [UInt8], namer: PlaceNamer) {
    try await web.retryPolicy.withRetries {
      var headers = authorization(token)
      headers.add(name: "Content-Type", value: contentType)
      headers.add(name: "Accept", value: contentType.hasSuffix("ndjson") ? "application/json" : contentType)
      let answer = try await web.send(
        .POST, url, headers: headers, body: body, subject: "\(settings.endpoint), asked to change \(repository)")
      guard [.ok, .created, .accepted, also].contains(answer.status) else {
        throw await refusal(answer, repository, of: nil, hasToken: true, isPush: true)
      }
      return (try await answer.bytes(upTo: Self.maximumJSON), answer.namer)
    }
  }

  private func create(_ name: HubName, token: String) async throws {
    let parts = name.repository.split(separator: "/").map(String.init)
    let request = NewRepository(name: parts.last ?? "", organization: parts.count > 1 ? parts[0] : nil)
    // Somebody else may have made it meanwhile.
    _ = try await post(
      ByteBuffer(bytes: try JSONEncoder().encode(request)), "application/json", to: try url("/api/repos/create"),
      name.repository, token: token, accepting: .conflict)
  }

  /// Asks which files go into large file storage.
  private func preupload(
    _ files: [HubUploadFile], to name: HubName, token: String
  ) async throws -> [String: FileMode] {
    let url = try url(
      "/api/models/\(Self.escaped(name.repository))/preupload/\(Self.escaped(name.revision ?? "main"))")
    var modes: [String: FileMode] = [:]
    var start = 0
    while start < files.count {
      var samples: [FileSample] = []
      for file in files[start..<min(start + 200, files.count)] {
        let sample = try await file.bytes(upTo: Self.sampleSize)
        samples.append(FileSample(path: file.path, size: file.size, sample: Data(sample).base64EncodedString()))
      }
      start += samples.count
      let bytes = try await post(
        ByteBuffer(bytes: try JSONEncoder().encode(["files": samples])), "application/json", to: url, name.repository,
        token: token)
      guard let answer = try? JSONDecoder().decode([String: [FileMode]].self, from: Data(bytes)) else {
        throw RegistryError(.invalidResponse, "the hub does not say where the files of \(name.repository) go")
      }
      for mode in answer["files"] ?? [] { modes[mode.path] = mode }
    }
    return modes
  }

  private func line(_ key: String, _ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(CommitLine(key: key, value: value)))
  }
}

private struct FileMode: Decodable {
  let path: String
  /// `lfs` or `regular`.
  let uploadMode: String
  /// The repository's `.gitignore` names it.
  let shouldIgnore: Bool?
}

private struct FileSample: Encodable {
  let path: String
  let size: Int64
  let sample: String
}

private struct NewRepository: Encodable {
  let name: String
  let organization: String?
  let type = "model"
}

private struct CommitLine<Value: Encodable>: Encodable {
  let key: String
  let value: Value
}

private struct CommitHeader: Encodable {
  let summary: String
  let description: String
}

private struct LargeFile: Encodable {
  let path: String
  let algo = "sha256"
  let oid: String
  let size: Int64
}

private struct SmallFile: Encodable {
  let path: String
  let content: String
  let encoding = "base64"
}

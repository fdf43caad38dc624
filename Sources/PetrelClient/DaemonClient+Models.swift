// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import PetrelAPI

extension DaemonClient {
  package func models() async throws -> [ModelObject] {
    try await decode([ModelObject].self, from: send(.GET, "/models"))
  }

  /// - Parameter remote: whether to ask the model's registry instead of the store.
  package func model(_ name: String, remote: Bool = false) async throws -> ModelObject {
    let query = remote ? [(name: "remote", value: "true")] : []
    return try await decode(ModelObject.self, from: send(.GET, "/models/" + Self.pathPart(name), query: query))
  }

  /// Manifest and config of a model of the store.
  package func documents(_ name: String) async throws -> ArtifactDocuments {
    let response = try await send(.GET, "/models/" + Self.pathPart(name), query: [(name: "artifact", value: "true")])
    return try await decode(ArtifactDocuments.self, from: response)
  }

  package func openAIModels() async throws -> OpenAIModelList {
    try await decode(OpenAIModelList.self, from: send(.GET, "/engines/v1/models"))
  }

  package func openAIModel(_ name: String) async throws -> OpenAIModel {
    try await decode(OpenAIModel.self, from: send(.GET, "/engines/v1/models/" + Self.pathPart(name)))
  }

  /// - Parameter repository: with its registry, `docker.io/ai/smollm2`.
  package func tag(_ model: String, repository: String, tag: String) async throws {
    try await discard(
      send(
        .POST, "/models/\(Self.pathPart(model))/tag",
        query: [(name: "repo", value: repository), (name: "tag", value: tag)]))
  }

  package func remove(_ model: String, force: Bool) async throws -> [DeleteAction] {
    let response = try await send(
      .DELETE, "/models/" + Self.pathPart(model), query: [(name: "force", value: String(force))])
    return try await decode([DeleteAction].self, from: response)
  }

  package func repackage(_ model: String, as request: RepackageRequest) async throws {
    try await discard(send(.POST, "/models/\(Self.pathPart(model))/repackage", json: request))
  }

  /// Pulls a model. `onLine` gets the progress lines and warnings.
  ///
  /// - Returns: the daemon's closing sentence.
  package func pull(_ request: PullRequest, onLine: (ProgressLine) throws -> Void) async throws -> String {
    let response = try await send(.POST, "/models/create", json: request, headers: Self.acceptJSON)
    return try await outcome(of: response, onLine: onLine)
  }

  /// Pushes a model to its registry, like ``pull(_:onLine:)``.
  package func push(
    _ model: String, _ request: PushRequest = PushRequest(), onLine: (ProgressLine) throws -> Void
  ) async throws -> String {
    let path = "/models/\(Self.pathPart(model))/push"
    let response =
      if request == PushRequest() {
        try await send(.POST, path, headers: Self.acceptJSON)
      } else {
        try await send(.POST, path, json: request, headers: Self.acceptJSON)
      }
    return try await outcome(of: response, onLine: onLine)
  }

  /// Copies a model from registry to registry, like ``pull(_:onLine:)``.
  package func copy(_ source: String, to target: String, onLine: (ProgressLine) throws -> Void) async throws -> String {
    let response = try await send(
      .POST, "/models/\(Self.pathPart(source))/copy", json: CopyRequest(target: target), headers: Self.acceptJSON)
    return try await outcome(of: response, onLine: onLine)
  }

  /// Sends a packaged model as a tar archive, like ``pull(_:onLine:)``. The model arrives without a tag.
  ///
  /// - Parameters:
  ///   - archive: chunks of bytes.
  ///   - byteCount: of the whole archive.
  package func load<Archive: AsyncSequence & Sendable>(
    _ archive: Archive, byteCount: Int64, onLine: (ProgressLine) throws -> Void
  ) async throws -> String where Archive.Element == [UInt8] {
    try await outcome(of: sendArchive(archive, byteCount: byteCount), onLine: onLine)
  }

  /// Sends an archive like ``load(_:byteCount:onLine:)``.
  ///
  /// - Parameter byteCount: nil when it is not known.
  /// - Returns: the model's ID, if the daemon tells it.
  package func loadArchive<Archive: AsyncSequence & Sendable>(
    _ archive: Archive, byteCount: Int64?, onLine: (ProgressLine) throws -> Void
  ) async throws -> String? where Archive.Element == [UInt8] {
    let response = try await sendArchive(archive, byteCount: byteCount)
    let id = response.headers.first(name: "X-Model-ID")
    _ = try await outcome(of: response, onLine: onLine)
    return id
  }

  private func sendArchive<Archive: AsyncSequence & Sendable>(
    _ archive: Archive, byteCount: Int64?
  ) async throws -> HTTPClientResponse where Archive.Element == [UInt8] {
    let buffers = archive.map { ByteBuffer(bytes: $0) }
    return try await send(
      .POST, "/models/load", headers: [("Content-Type", "application/x-tar")] + Self.acceptJSON,
      body: .stream(buffers, length: byteCount.map { .known($0) } ?? .unknown))
  }

  /// Hands the pieces of a model's archive to `consume` as they come.
  package func export(_ model: String, _ consume: ([UInt8]) throws -> Void) async throws {
    let response = try await send(.GET, "/models/\(Self.pathPart(model))/export")
    try await forEachPiece(of: response) { try consume(Array($0)) }
  }

  /// Has the daemon take files of this machine into its store. It does so over its Unix socket only.
  package func adopt(_ request: AdoptRequest) async throws -> AdoptResponse {
    try await decode(AdoptResponse.self, from: send(.POST, "/models/adopt", json: request))
  }

  /// Daemons begin the message of a failed transfer with a word that whoever shows it puts before it anyway.
  private static func reason(_ message: String) -> String {
    message.hasPrefix("Error: ") ? String(message.dropFirst("Error: ".count)) : message
  }

  private static var acceptJSON: [(String, String)] { [("Accept", "application/json")] }

  /// A stream that ends without a success line has failed, whatever its status.
  private func outcome(of response: HTTPClientResponse, onLine: (ProgressLine) throws -> Void) async throws -> String {
    var decoder = ProgressLineDecoder()
    var success: String?
    var failure: String?
    func consume(_ line: ProgressLine) throws {
      switch line.type {
      case .success: success = line.message
      case .error: failure = failure ?? Self.reason(line.message)
      case .progress, .warning: try onLine(line)
      }
    }
    try await forEachPiece(of: response) { piece in
      for line in try decoder.decode(piece) { try consume(line) }
    }
    if let last = decoder.finish() { try consume(last) }

    if let failure { throw ClientError(.stream, failure) }
    if let success { return success }
    if decoder.strayText.isEmpty {
      throw ClientError(.connection, "the daemon's answer ended before it said whether it succeeded")
    }
    throw ClientError(
      .unexpectedAnswer, "unexpected response from server (not valid progress data): \(decoder.strayText)")
  }
}

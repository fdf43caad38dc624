// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import PetrelWire

extension DaemonClient {
  private static let maximumRecordBytes = 64 << 20

  /// The latest requests and their answers, as the daemon's JSON.
  ///
  /// - Parameters:
  ///   - model: nil for all models.
  ///   - limit: so many of each; nil for what the daemon thinks right.
  package func requests(model: String?, limit: Int? = nil) async throws -> String {
    let response = try await send(.GET, "/engines/requests", query: Self.query(model) + Self.query(limit))
    var bytes: [UInt8] = []
    try await forEachPiece(of: response) { piece in
      guard bytes.count + piece.count <= Self.maximumRecordBytes else {
        throw ClientError(.unexpectedAnswer, "the answer has more than \(Self.maximumRecordBytes) bytes")
      }
      bytes += piece
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Requests as they are answered; returns when the daemon ends the stream.
  ///
  /// - Parameters:
  ///   - includesExisting: whether to begin with those that are recorded already.
  ///   - onRecord: gets the JSON of each.
  package func followRequests(
    model: String?, limit: Int? = nil, includesExisting: Bool, onRecord: (String) throws -> Void
  ) async throws {
    let existing = includesExisting ? [(name: "include_existing", value: "true")] : []
    let response = try await send(
      .GET, "/engines/requests", query: Self.query(model) + Self.query(limit) + existing,
      headers: [("Accept", "text/event-stream")])
    var decoder = SSEDecoder()
    try await forEachPiece(of: response) { piece in
      for event in try decoder.decode(piece) where ["new_request", "existing_request"].contains(event.name) {
        try onRecord(event.data)
      }
    }
  }

  /// Lines of the logs as they are read.
  ///
  /// - Parameter onPiece: gets pieces of any size.
  package func logs(follow: Bool, withoutEngines: Bool, onPiece: (String) throws -> Void) async throws {
    let response = try await send(
      .GET, "/logs",
      query: [(name: "follow", value: String(follow)), (name: "no-engines", value: String(withoutEngines))])
    var rest: [UInt8] = []
    try await forEachPiece(of: response) { piece in
      // A character may lie across two pieces, a line feed may not.
      rest += piece
      guard let end = rest.lastIndex(of: 0x0A) else { return }
      try onPiece(String(decoding: rest[...end], as: UTF8.self))
      rest.removeFirst(end + 1)
    }
    if !rest.isEmpty { try onPiece(String(decoding: rest, as: UTF8.self)) }
  }

  private static func query(_ limit: Int?) -> [(name: String, value: String)] {
    limit.map { [(name: "limit", value: String($0))] } ?? []
  }

  private static func query(_ model: String?) -> [(name: String, value: String)] {
    model.map { [(name: "model", value: $0)] } ?? []
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelAPI
import PetrelEngines
import PetrelHTTP
import PetrelLibrary
import PetrelOCI
import PetrelRecords
import PetrelScheduling
import PetrelStore
import PetrelWire

/// `GET /engines/requests`: the latest requests and their answers, at once or as they come.
struct RecordRoutes: Sendable {
  /// Of one model, in one answer.
  private static let maximumRecords = 100

  let library: ModelLibrary
  let scheduler: Scheduler
  let recorder: RequestRecorder

  func requests(_ head: RequestHead) -> Route {
    guard head.isRead else { return APIServer.wrongMethod("GET", head) }
    let name = head.queryItem("model").flatMap { $0.isEmpty ? nil : $0 }
    guard head.headers["Accept"].contains(where: { $0.contains("text/event-stream") }) else {
      return .task(bodyLimit: APIServer.smallBody) { head, _, writer in
        try await list(name, count: try Self.limit(head), isHead: head.method == .HEAD, to: writer)
      }
    }
    return .task(bodyLimit: APIServer.smallBody) { head, _, writer in
      try await stream(
        name, includesExisting: RequestDecoding.flag("include_existing", head), count: Self.limit(head), to: writer)
    }
  }

  private static func limit(_ head: RequestHead) throws -> Int {
    guard let text = head.queryItem("limit"), !text.isEmpty else { return RequestRecorder.recordsPerModel }
    guard let limit = Int(text), (1...maximumRecords).contains(limit) else {
      throw TextError(.badRequest, "limit is \"\(text)\", but it must be a number from 1 to \(maximumRecords)")
    }
    return limit
  }

  /// One model after the other, so that only one's records are in memory.
  private func list(_ name: String?, count: Int, isHead: Bool, to writer: ResponseWriter) async throws {
    let models = await models(named: name)
    try await writer.start(.ok, headers: ["Content-Type": "application/json"])
    guard !isHead else { return }
    var isFirst = true
    for model in models {
      let records = await recorder.latest(count, of: model)
      guard !records.isEmpty else { continue }
      var text = ByteBuffer(string: isFirst ? "[" : ",")
      text.writeString(
        try CanonicalJSONEncoder().encode(
          RequestRecordGroup(
            model: model, config: configuration(records.last), records: records.map(\.record))))
      try await writer.write(text)
      isFirst = false
    }
    try await writer.write(ByteBuffer(string: isFirst ? "[]\n" : "]\n"))
  }

  private func models(named name: String?) async -> [Digest] {
    guard let name else { return await recorder.models() }
    return (try? await library.inspect(name)).map { [$0.id] } ?? []
  }

  /// What holds for the runner, with the context that its engine has.
  private func configuration(_ record: StoredRecord?) -> ModelSettings {
    guard let record, let mode = EngineMode(rawValue: record.mode) else { return ModelSettings() }
    let key = RunnerKey(model: record.model, mode: mode)
    var settings = scheduler.settings.effective(key)
    let row = scheduler.board.rows().first { $0.key == key && !$0.isDraining }
    settings.contextSize = row?.facts.properties.contextSize ?? settings.contextSize
    return settings
  }

  private func stream(_ name: String?, includesExisting: Bool, count: Int, to writer: ResponseWriter) async throws {
    var wanted: Digest?
    if let name { wanted = try? await library.inspect(name).id }
    // A name that means nothing yet matches nothing, and not everything.
    let isUnknown = name != nil && wanted == nil
    let events = await recorder.events()
    try await writer.start(
      .ok, headers: ["Content-Type": "text/event-stream", "Cache-Control": "no-cache"])
    if includesExisting, !isUnknown {
      let models = if let wanted { [wanted] } else { await recorder.models() }
      for model in models {
        for record in await recorder.latest(count, of: model) {
          try await send("existing_request", record, to: writer)
        }
      }
    }
    try await writer.write(ByteBuffer(string: "event: connected\ndata: {\"status\": \"connected\"}\n\n"))
    for await record in events where !isUnknown && (wanted == nil || wanted == record.model) {
      try await send("new_request", record, to: writer)
    }
  }

  private func send(_ kind: String, _ record: StoredRecord, to writer: ResponseWriter) async throws {
    let group = RequestRecordGroup(model: record.model, config: configuration(record), records: [record.record])
    let json = try SimpleResponse.json([group]).body
    // The JSON ends with the line.
    var text = ByteBuffer(string: "event: \(kind)\ndata: ")
    text.writeImmutableBuffer(json)
    text.writeString("\n")
    try await writer.write(text)
  }
}

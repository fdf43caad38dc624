// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelAPI
import PetrelEngines
import PetrelHTTP
import PetrelLibrary
import PetrelOCI
import PetrelScheduling
import PetrelStore

/// `GET /engines/requests`: the latest requests and their answers, at once or as they come.
struct RecordRoutes: Sendable {
  let library: ModelLibrary
  let scheduler: Scheduler
  let recorder: RequestRecorder

  func requests(_ head: RequestHead) -> Route {
    guard head.isRead else { return APIServer.wrongMethod("GET", head) }
    let name = head.queryItem("model").flatMap { $0.isEmpty ? nil : $0 }
    guard head.headers["Accept"].contains(where: { $0.contains("text/event-stream") }) else {
      return .respond { _, _ in try .json(try await groups(of: name)) }
    }
    return .task(bodyLimit: APIServer.smallBody) { head, _, writer in
      try await stream(name, includesExisting: RequestDecoding.flag("include_existing", head), to: writer)
    }
  }

  private func groups(of name: String?) async throws -> [RequestRecordGroup] {
    var wanted: Digest?
    if let name {
      guard let model = try? await library.inspect(name) else { return [] }
      wanted = model.id
    }
    return await recorder.recorded(of: wanted).map { model, events in
      RequestRecordGroup(
        model: model, config: configuration(events.last?.mode), records: events.map(\.record))
    }
  }

  /// What holds for the runner, with the context that its engine has.
  private func configuration(_ key: RunnerKey?) -> ModelSettings {
    guard let key else { return ModelSettings() }
    var settings = scheduler.settings.effective(key)
    let row = scheduler.board.rows().first { $0.key == key && !$0.isDraining }
    settings.contextSize = row?.facts.properties.contextSize ?? settings.contextSize
    return settings
  }

  private func stream(_ name: String?, includesExisting: Bool, to writer: ResponseWriter) async throws {
    var wanted: Digest?
    if let name { wanted = try? await library.inspect(name).id }
    // A name that means nothing yet matches nothing, and not everything.
    let isUnknown = name != nil && wanted == nil
    let events = await recorder.events()
    try await writer.start(
      .ok, headers: ["Content-Type": "text/event-stream", "Cache-Control": "no-cache"])
    if includesExisting, !isUnknown {
      for (_, recorded) in await recorder.recorded(of: wanted) {
        for event in recorded { try await send("existing_request", event, to: writer) }
      }
    }
    try await writer.write(ByteBuffer(string: "event: connected\ndata: {\"status\": \"connected\"}\n\n"))
    for await event in events where !isUnknown && (wanted == nil || wanted == event.model) {
      try await send("new_request", event, to: writer)
    }
  }

  private func send(_ kind: String, _ event: RequestRecorder.Event, to writer: ResponseWriter) async throws {
    let group = RequestRecordGroup(
      model: event.model, config: configuration(event.mode), records: [event.record])
    let json = try SimpleResponse.json([group]).body
    // The JSON ends with the line.
    var text = ByteBuffer(string: "event: \(kind)\ndata: ")
    text.writeImmutableBuffer(json)
    text.writeString("\n")
    try await writer.write(text)
  }
}

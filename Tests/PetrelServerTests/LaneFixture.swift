// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import PetrelAPI
import PetrelEngines
import PetrelHTTP
import PetrelOCI
import PetrelProcess
import PetrelPrompts
import PetrelRecords
import PetrelResponseStore
import PetrelTestSupport
import PetrelWire
import SystemPackage

@testable import PetrelScheduling
@testable import PetrelServer

/// A listener with the inference lane alone. Its scheduler can start no engine; `model`'s runner is the fake one.
struct LaneFixture: Sendable {
  static let model = "ai/fake"
  static let runner: RunnerID = 1

  let engine: FakeEngine
  let scheduler: Scheduler
  let recorder: RequestRecorder
  let responses: RunningResponses
  let pools: UpstreamPools
  let port: Int

  var board: RunnerBoard { scheduler.board }
  /// Requests that wait for a place.
  var waiting: Int { board.rows().reduce(0) { $0 + $1.waiting } }
  var isIdle: Bool { board.rows().allSatisfy { !$0.isInUse } }

  /// What is recorded of the model that was asked last.
  func records(latest count: Int = 100) async -> [RequestRecord] {
    guard let model = await recorder.models().last else { return [] }
    return await recorder.latest(count, of: model).map(\.record)
  }

  /// Sends one request and returns the connection.
  func post(
    _ body: String = #"{"model":"\#(model)"}"#, to path: String = "/v1/chat/completions", headers: String = ""
  ) async throws -> RawClient {
    let client = try await RawClient.connect(port: port)
    try await client.send(Self.request(body, path, headers))
    return client
  }

  static func request(_ body: String, _ path: String = "/v1/chat/completions", _ headers: String = "") -> String {
    "POST \(path) HTTP/1.1\r\nHost: x\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  /// The answer to a request on a connection of its own.
  func answer(_ body: String = #"{"model":"\#(model)"}"#, headers: String = "") async throws -> String {
    try await post(body, headers: headers + "Connection: close\r\n").receiveAll()
  }
}

private struct LaneResponder: Responder {
  let lane: InferenceLane
  let responses: ResponsesRoutes

  func route(_ head: RequestHead) -> Route {
    if head.path == "/shout" {
      return .onLoop(bodyLimit: InferenceLane.bodyLimit) { head, body, exchange in
        lane.answer(ShoutingDialect(), head, body, exchange)
      }
    }
    if TranscriptionDialect.paths.contains(head.path) {
      return .onLoop(bodyLimit: InferenceLane.bodyLimit) { head, body, exchange in
        lane.answer(TranscriptionDialect(), head, body, exchange)
      }
    }
    let key = head.headers.first(name: "x-key")
    if let route = AnthropicPaths.route(head, lane, rules: .standard) ?? responses.route(head, lane, key: key) {
      return route
    }
    guard let endpoint = InferenceEndpoint.byPath[head.path] else {
      return .onLoop(bodyLimit: 0) { _, _, exchange in exchange.respond(SimpleResponse(status: .notFound)) }
    }
    return .onLoop(bodyLimit: InferenceLane.bodyLimit) { head, body, exchange in
      lane.answer(endpoint, head, body, exchange)
    }
  }

  func refusal(_ status: HTTPResponseStatus, _ message: String, path: String) -> SimpleResponse {
    OpenAIError(status, message).response
  }

  func failure(_ error: any Error, head: RequestHead) -> SimpleResponse? { ErrorMapping.openAI(error)?.response }
}

/// By default nobody is told of waiting: on a busy machine that would come into any answer.
func withLane<Result>(
  recording policy: RecordingPolicy = RecordingPolicy(), _ script: @escaping FakeEngine.Script,
  keepAliveEvery interval: TimeAmount = .minutes(5),
  waitingPace: WaitingAnswer.Pace = WaitingAnswer.Pace(patience: .minutes(5)),
  _ body: (LaneFixture) async throws -> Result
) async throws -> Result {
  try await withTemporaryFolder { folder in
    let group = MultiThreadedEventLoopGroup.singleton
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let launcher = EngineLauncher(
      engine: LlamaCpp(home: folder, environment: [:]), group: group, socketDirectory: folder, logDirectory: folder,
      orphans: OrphanRecords(directory: folder, logger: logger), loadTimeout: .seconds(60), logger: logger)
    let scheduler = Scheduler(
      launcher: launcher, settings: try SettingsStore(nil, logger: logger), idleTimeout: nil,
      limits: SchedulingLimits(maximumRunners: 4),
      logger: logger)
    let id = Digest(of: Array("fake".utf8))
    let socket = folder.appending("engine.sock")
    let engine = try await FakeEngine.start(at: socket, script)
    for mode in [EngineMode.completion, .embedding] {
      let runner = LaneFixture.runner + (mode == .completion ? 0 : 1)
      scheduler.board.putUp(
        runner, key: RunnerKey(model: id, mode: mode), socket: socket, displayName: LaneFixture.model)
    }
    let recorder = RequestRecorder(store: RecordStore(path: nil, logger: logger), policy: policy)
    let recording = Task { await recorder.run() }
    let pools = UpstreamPools(group: group, maximumIdleTime: .seconds(4))
    var lane = InferenceLane(
      scheduler: scheduler, board: scheduler.board, pools: pools, recorder: recorder
    ) { name in
      guard name == LaneFixture.model else { throw OpenAIError(.notFound, "no \(name)", code: "model_not_found") }
      return RequestedModel(id: id, name: name) { throw EngineError(.launchFailed, "there is but one engine") }
    }
    lane.keepAliveInterval = interval
    lane.prompts = PromptScan(.standard)
    lane.waitingPace = waitingPace
    let responseStore = ResponseStore(path: folder.appending("responses.sqlite"), logger: logger)
    let responses = ResponsesRoutes(store: responseStore, rules: .standard, logger: logger)
    let listener = try await HTTPListener.bind(
      .tcp(host: "127.0.0.1", port: 0), group: group, responder: LaneResponder(lane: lane, responses: responses),
      logger: logger)
    guard case .tcp(_, let port) = listener.address else { throw DeadlinePassed("no port") }
    func stop() async {
      async let drained: Void = listener.drain()
      await listener.close()
      await drained
      await engine.stop()
      await responseStore.close()
      await recorder.shutDown()
      await recording.value
    }
    do {
      let result = try await body(
        LaneFixture(
          engine: engine, scheduler: scheduler, recorder: recorder, responses: responses.running, pools: pools,
          port: port))
      await stop()
      return result
    } catch {
      await stop()
      throw error
    }
  }
}

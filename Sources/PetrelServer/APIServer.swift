// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHTTP1
import PetrelAccess
import PetrelEngines
import PetrelHTTP
import PetrelLibrary
import PetrelPrompts
import PetrelResponseStore
import PetrelScheduling

/// The daemon's HTTP surface: finds the route for a request.
package struct APIServer: Responder {
  /// Bodies of the management API are small JSON documents.
  static let smallBody = 1024 * 1024

  private var access: AccessControl
  private let limits: RequestLimits
  private let lane: InferenceLane
  private let models: ModelRoutes
  private let imports: ImportRoutes
  private let openAIModels: OpenAIModelRoutes
  private let anthropicModels: AnthropicModelRoutes
  private let system: SystemRoutes
  private let store: StoreRoutes
  private let engines: EngineRoutes
  private let fit: FitRoutes
  private let records: RecordRoutes
  private let logs: LogRoutes
  private let promptRules: PromptRules
  private let ollama: OllamaRoutes
  private let responses: ResponsesRoutes
  /// Nil when they are switched off.
  private let metrics: MetricsRoutes?

  /// - Parameters:
  ///   - group: whose loops the listeners run on.
  ///   - metrics: what the scheduler has told so far; nil for no `/metrics`.
  ///   - access: what is asked of requests; ``asking(_:)`` changes it for single listeners.
  ///   - promptRules: which lines are not to stand at the beginning of system prompts.
  ///   - responses: where responses are kept.
  package init(
    library: ModelLibrary, scheduler: Scheduler, installation: EngineInstallation, recorder: RequestRecorder,
    logs: @escaping LogRoutes.Source, metrics: SchedulingMetrics? = nil, group: any EventLoopGroup,
    access: AccessControl, limits: RequestLimits, promptRules: PromptRules, responses: ResponseStore, logger: Logger
  ) {
    self.access = access
    self.limits = limits
    self.promptRules = promptRules
    self.responses = ResponsesRoutes(store: responses, rules: promptRules, logger: logger)
    var lane = InferenceLane(
      scheduler: scheduler, board: scheduler.board, pools: UpstreamPools(group: group), recorder: recorder,
      resolve: { try await library.requestedModel($0) }, limits: limits)
    lane.prompts = PromptScan(promptRules)
    self.lane = lane
    ollama = OllamaRoutes(library: library, scheduler: scheduler, lane: lane)
    let pools = lane.pools
    self.metrics = metrics.map {
      MetricsRoutes(library: library, scheduler: scheduler, pools: pools, scheduling: $0, group: group)
    }
    imports = ImportRoutes(library: library)
    models = ModelRoutes(library: library, scheduler: scheduler)
    openAIModels = OpenAIModelRoutes(library: library)
    anthropicModels = AnthropicModelRoutes(library: library)
    system = SystemRoutes(scheduler: scheduler, installation: installation)
    store = StoreRoutes(library: library, scheduler: scheduler, engine: installation.engine)
    self.logs = LogRoutes(open: logs)
    records = RecordRoutes(library: library, scheduler: scheduler, recorder: recorder)
    fit = FitRoutes(library: library, scheduler: scheduler)
    engines = EngineRoutes(library: library, scheduler: scheduler, installation: installation)
  }

  /// Reads what there is to be known of all models, so that who asks for them first need not wait for it.
  ///
  /// - Returns: whether there is a model.
  package func readCatalogue() async throws -> Bool { try await models.prepareList() }

  /// The same routes behind another door.
  package func asking(_ access: AccessControl) -> APIServer {
    var copy = self
    copy.access = access
    return copy
  }

  package func route(_ head: RequestHead) -> Route {
    switch access.check(head) {
    case .admitted(nil): admittedRoute(head, key: nil)
    case .admitted(let use?):
      use.counts ? admittedRoute(head, key: use.key).keeping(use) : admittedRoute(head, key: use.key)
    case .preflight(let response): .answer(response)
    case .refused(let refusal): .answer(Self.response(refusal, path: head.path))
    }
  }

  /// - Parameter key: of the request, if it needs one.
  private func admittedRoute(_ head: RequestHead, key: String?) -> Route {
    if let endpoint = InferenceEndpoint.byPath[head.path] {
      guard head.method == .POST else { return Self.wrongMethod("POST", head) }
      return .onLoop(bodyLimit: limits.body) { [lane] head, body, exchange in
        if endpoint.rules == .embedding, ShortenedEmbeddings.isWanted(body) {
          lane.answer(ShortenedEmbeddings(), head, body, exchange)
        } else {
          lane.answer(endpoint, head, body, exchange)
        }
      }
    }
    if InferenceEndpoint.scorePaths.contains(head.path) {
      guard head.method == .POST else { return Self.wrongMethod("POST", head) }
      return .onLoop(bodyLimit: limits.body) { [lane] head, body, exchange in
        lane.answer(ScoreDialect(), head, body, exchange)
      }
    }
    if TranscriptionDialect.paths.contains(head.path) {
      guard head.method == .POST else { return Self.wrongMethod("POST", head) }
      return .onLoop(bodyLimit: limits.body) { [lane] head, body, exchange in
        lane.answer(TranscriptionDialect(), head, body, exchange)
      }
    }
    if let route = AnthropicPaths.route(head, lane, rules: promptRules) ?? responses.route(head, lane, key: key) {
      return route
    }
    let segments = APIPath.withoutDockerPrefix(head.path).split(separator: "/")
    guard let first = segments.first else { return system.root(head) }
    let rest = segments.dropFirst()
    switch first {
    case "version" where rest.isEmpty: return system.version(head)
    case "health" where rest.isEmpty: return system.health(head)
    case "openapi.json" where rest.isEmpty: return system.openAPI(head)
    case "logs" where rest.isEmpty: return logs.logs(head)
    case "metrics" where rest.isEmpty: return metrics?.metrics(head) ?? Self.notFound(head)
    case "models" where rest == ["import"] && head.method == .POST: return imports.route(head)
    case "models": return store.route(head, rest) ?? models.route(head, rest)
    case "v1": return openAIRoute(head, rest)
    case "api": return ollama.route(head, rest)
    case "anthropic": return anthropicModels.route(head, rest) ?? Self.notFound(head)
    case "engines": return engineRoute(head, rest)
    default: return Self.notFound(head)
    }
  }

  private func engineRoute(_ head: RequestHead, _ segments: ArraySlice<Substring>) -> Route {
    switch segments.first {
    case "v1": return openAIRoute(head, segments.dropFirst())
    case "ps" where segments.count == 1: return system.runners(head)
    case "status" where segments.count == 1: return system.engineStatus(head)
    case "fit" where segments.count == 1: return fit.fit(head)
    case "df" where segments.count == 1: return store.diskUsage(head)
    case "requests" where segments.count == 1: return records.requests(head)
    default: break
    }
    if let route = engines.route(head, segments) { return route }
    guard let backend = segments.first, segments.dropFirst().first == "v1" else { return Self.notFound(head) }
    // The models are the same whatever engine the path names.
    guard backend == LlamaCpp.name || segments.dropFirst(2).first == "models" else {
      return .answer(OpenAIError(.notFound, "backend not found", code: "backend_not_found").response)
    }
    return openAIRoute(head, segments.dropFirst(2))
  }

  private func openAIRoute(_ head: RequestHead, _ segments: ArraySlice<Substring>) -> Route {
    guard segments.first == "models" else { return Self.notFound(head) }
    return openAIModels.route(head, segments.dropFirst())
  }

  package func commonHeaders(_ head: RequestHead) -> HTTPHeaders { access.headers(head) }

  // MARK: Refusals

  package func refusal(_ status: HTTPResponseStatus, _ message: String, path: String) -> SimpleResponse {
    Self.error(status, message, path: path)
  }

  package func failure(_ error: any Error, head: RequestHead) -> SimpleResponse? {
    if AnthropicPaths.contains(head.path) { return ErrorMapping.openAI(error).map(AnthropicDialect.response) }
    if APIPath.isOllama(head.path) { return ErrorMapping.openAI(error)?.ollama }
    return APIPath.isOpenAI(head.path)
      ? ErrorMapping.openAI(error)?.response : ErrorMapping.text(error, operation: "handling")?.response
  }

  static func notFound(_ head: RequestHead) -> Route {
    .answer(error(.notFound, "\(head.method) \(head.path): not found", path: head.path))
  }

  static func wrongMethod(_ allowed: String, _ head: RequestHead) -> Route {
    var response = error(.methodNotAllowed, "\(head.method) is not allowed here; use \(allowed)", path: head.path)
    response.headers.replaceOrAdd(name: "Allow", value: allowed)
    return .answer(response)
  }

  private static func response(_ refusal: AccessRefusal, path: String) -> SimpleResponse {
    var response = error(refusal.status, refusal.message, code: refusal.code, path: path)
    response.headers.add(contentsOf: refusal.headers)
    if let seconds = refusal.retryAfterSeconds {
      response.headers.replaceOrAdd(name: "Retry-After", value: String(seconds))
    }
    return response
  }

  /// In the form of the path's dialect.
  private static func error(
    _ status: HTTPResponseStatus, _ message: String, code: String? = nil, path: String
  ) -> SimpleResponse {
    let error = OpenAIError(status, message, code: code)
    if AnthropicPaths.contains(path) { return AnthropicDialect.response(error) }
    if APIPath.isOllama(path) { return error.ollama }
    return APIPath.isOpenAI(path) ? error.response : TextError(status, message).response
  }
}

extension Route {
  /// A fixed answer, whatever the body says.
  static func answer(_ response: SimpleResponse) -> Route { .fixed(response) }

  /// The same route, which counts as a use of a key until it has answered.
  func keeping(_ use: KeyUse) -> Route {
    switch self {
    case .fixed: self
    case .onLoop(let limit, let answer):
      .onLoop(bodyLimit: limit) { head, body, exchange in
        exchange.companion = use
        answer(head, body, exchange)
      }
    case .task(let limit, let answer):
      .task(bodyLimit: limit) { head, body, writer in
        defer { withExtendedLifetime(use) {} }
        try await answer(head, body, writer)
      }
    case .streaming(let answer):
      .streaming { head, body, writer in
        defer { withExtendedLifetime(use) {} }
        try await answer(head, body, writer)
      }
    }
  }

  /// A task that makes a whole response out of a collected body.
  static func respond(
    bodyLimit: Int = APIServer.smallBody,
    _ make: @escaping @Sendable (RequestHead, ByteBuffer) async throws -> SimpleResponse
  ) -> Route {
    .task(bodyLimit: bodyLimit) { head, body, writer in try await writer.respond(try await make(head, body)) }
  }
}

extension RequestHead {
  /// GET routes answer HEAD too.
  var isRead: Bool { method == .GET || method == .HEAD }
}

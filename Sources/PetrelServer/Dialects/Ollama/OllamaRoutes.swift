// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelAPI
import PetrelEngines
import PetrelHTTP
import PetrelLibrary
import PetrelOCI
import PetrelOllama
import PetrelScheduling
import PetrelStore
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Ollama's API under `/api`.
struct OllamaRoutes: Sendable {
  let library: ModelLibrary
  let scheduler: Scheduler
  let lane: InferenceLane
  private let defaults: OllamaModelDefaults

  init(library: ModelLibrary, scheduler: Scheduler, lane: InferenceLane) {
    self.library = library
    self.scheduler = scheduler
    self.lane = lane
    defaults = OllamaModelDefaults(library: library, board: scheduler.board)
  }

  func route(_ head: RequestHead, _ segments: ArraySlice<Substring>) -> Route {
    guard let name = segments.first else { return APIServer.notFound(head) }
    if segments.count == 2, name == "blobs", let digest = segments.last { return blob(head, String(digest)) }
    guard segments.count == 1 else { return APIServer.notFound(head) }
    if let endpoint = OllamaDialect.Endpoint(rawValue: String(name)) {
      return head.method == .POST ? inference(endpoint) : APIServer.wrongMethod("POST", head)
    }
    switch name {
    case "version": return head.isRead ? version() : APIServer.wrongMethod("GET", head)
    case "tags": return head.isRead ? tags() : APIServer.wrongMethod("GET", head)
    case "ps": return head.isRead ? processes() : APIServer.wrongMethod("GET", head)
    case "show": return head.method == .POST ? show() : APIServer.wrongMethod("POST", head)
    case "copy": return head.method == .POST ? copy() : APIServer.wrongMethod("POST", head)
    case "delete": return head.method == .DELETE ? delete() : APIServer.wrongMethod("DELETE", head)
    case "pull": return head.method == .POST ? transfer(.pull) : APIServer.wrongMethod("POST", head)
    case "push": return head.method == .POST ? transfer(.push) : APIServer.wrongMethod("POST", head)
    case "create": return head.method == .POST ? create() : APIServer.wrongMethod("POST", head)
    default: return APIServer.notFound(head)
    }
  }

  private func inference(_ endpoint: OllamaDialect.Endpoint) -> Route {
    .onLoop(bodyLimit: lane.limits.body) { [lane, defaults] head, body, exchange in
      lane.answer(OllamaDialect(endpoint, defaults: defaults, prompts: lane.prompts), head, body, exchange)
    }
  }

  // MARK: Reading

  private func version() -> Route {
    .respond { _, _ in try .json(OllamaVersion(petrel: PetrelVersion.current)) }
  }

  private func tags() -> Route {
    .respond { [library] _, _ in
      let models = try await library.list()
      return try .json(
        OllamaTags(
          models: models.flatMap { model in
            model.ollamaNames.map { name in
              OllamaTags.Model(
                name: name, modifiedAt: model.ollamaDate, size: model.layerSize, digest: "\(model.id)",
                details: model.ollamaDetails)
            }
          }))
    }
  }

  private func processes() -> Route {
    .respond { [library, scheduler] _, _ in
      let models = Dictionary(try await library.list().map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
      func entry(_ id: Digest, _ name: String, expiry: String, context: Int?) -> OllamaProcesses.Model {
        let model = models[id]
        return OllamaProcesses.Model(
          name: model?.tags.first ?? name, size: model?.layerSize ?? 0, digest: "\(id)",
          details: model?.ollamaDetails, expiresAt: expiry, contextLength: context)
      }
      let ready = scheduler.board.rows().map { row in
        entry(
          row.key.model, row.name, expiry: Self.expiry(of: row), context: row.facts.properties.contextSize)
      }
      let loading = await scheduler.loading().map { name, key in
        entry(key.model, name, expiry: OllamaProcesses.noTime, context: nil)
      }
      return try .json(OllamaProcesses(models: ready + loading))
    }
  }

  private static func expiry(of row: RunnerBoard.Row) -> String {
    guard !row.isInUse, case .after(let duration) = row.keepAlive else { return OllamaProcesses.noTime }
    let left = duration - row.idleFor
    let seconds = Double(left.components.seconds) + Double(left.components.attoseconds) / 1e18
    return OllamaMoment(
      wall: Int64((Date().timeIntervalSince1970 + max(0, seconds)) * 1_000_000_000), steady: 0
    ).text
  }

  private func show() -> Route {
    Self.respond { [library] document in
      let name = try OllamaRequest.model(document)
      let description = try await library.description(of: name)
      let model = description.model
      let defaults = try await library.ollamaDefaults(of: model)
      var show = OllamaShow(name: name, details: model.ollamaDetails, modifiedAt: model.ollamaDate)
      show.licenses = description.licenses
      show.template = description.template
      show.hasProjector = description.hasProjector
      show.metadata = description.metadata
      show.system = defaults.system
      show.parameters = defaults.parameters?.members ?? []
      return .ollama(show.answer(verbose: document["verbose"]?.bool == true))
    }
  }

  // MARK: Changes

  private func copy() -> Route {
    Self.respond { [library] document in
      guard let source = document["source"]?.string, let target = document["destination"]?.string, !source.isEmpty,
        !target.isEmpty
      else { throw OllamaError("source and destination are required") }
      try await library.tag(source, as: target)
      return SimpleResponse()
    }
  }

  private func delete() -> Route {
    Self.respond { [library, scheduler] document in
      let name = try OllamaRequest.model(document)
      // Unloaded first: idle engines end now, those that answer when they have. Their files are open.
      if let id = try await library.modelDeleted(byRemoving: name, force: false) { await scheduler.retire(id) }
      for id in try await library.remove(name).compactMap(\.deleted) { await scheduler.retire(id) }
      return SimpleResponse()
    }
  }

  // MARK: Transfers

  private func transfer(_ mode: ProgressLine.Mode) -> Route {
    .task(bodyLimit: APIServer.smallBody) { [library] _, body, writer in
      try await Self.mappingErrors {
        let document = try OllamaRequest.document(body)
        let name = try OllamaRequest.model(document)
        let lines = mode == .pull ? try await library.pull(name) : try await library.push(name)
        guard document["stream"]?.bool ?? true else { return try await Self.respond(after: lines, writer) }
        try await Self.start(writer)
        try await writer.write(ByteBuffer(bytes: OllamaProgress.beginning(mode)))
        for await line in lines { try await writer.write(ByteBuffer(bytes: OllamaProgress.lines(for: line))) }
      }
    }
  }

  /// The answer to a client that wants no stream.
  private static func respond(after lines: ProgressStream, _ writer: ResponseWriter) async throws {
    for await line in lines where line.type == .error {
      throw lines.failure ?? LibraryError(.failed, line.message)
    }
    try Task.checkCancellation()
    try await writer.respond(.ollama(OllamaProgress.success))
  }

  private func create() -> Route {
    .task(bodyLimit: APIServer.smallBody) { [library] _, body, writer in
      try await Self.mappingErrors {
        let request = try OllamaCreate(try OllamaRequest.document(body))
        try await library.compose(try Composition(request), as: request.model)
        guard request.isStream else { return try await writer.respond(.ollama(OllamaProgress.success)) }
        try await Self.start(writer)
        try await writer.write(ByteBuffer(bytes: OllamaProgress.status("writing manifest") + OllamaProgress.success))
      }
    }
  }

  private static func start(_ writer: ResponseWriter) async throws {
    try await writer.start(.ok, headers: ["Content-Type": "application/x-ndjson", "Cache-Control": "no-cache"])
  }

  // MARK: Blobs

  private func blob(_ head: RequestHead, _ text: String) -> Route {
    guard let digest = Digest(text) else {
      return .answer(OpenAIError(.badRequest, "\(text) is no digest: want sha256: and 64 hex digits").ollama)
    }
    switch head.method {
    case .HEAD, .GET:
      return .respond { [library] _, _ in
        guard try await library.hasBlob(digest) else {
          throw OpenAIError(.notFound, "there is no blob \(digest)", code: "blob_not_found")
        }
        return SimpleResponse()
      }
    case .POST:
      return .streaming { [library] _, body, writer in
        let isNew = try await library.receiveBlob(digest, from: body.map { Array($0.readableBytesView) })
        try await writer.respond(SimpleResponse(status: isNew ? .created : .ok))
      }
    default: return APIServer.wrongMethod("HEAD, POST", head)
    }
  }

  // MARK: Pieces

  private static func respond(_ make: @escaping @Sendable (JSONNode) async throws -> SimpleResponse) -> Route {
    .respond { _, body in
      try await mappingErrors { try await make(try OllamaRequest.document(body)) }
    }
  }

  private static func mappingErrors<Result>(_ body: () async throws -> Result) async throws -> Result {
    do {
      return try await body()
    } catch let error as OllamaError {
      throw OpenAIError(.badRequest, error.message, code: "invalid_request")
    }
  }
}

extension Composition {
  /// - Throws: ``OllamaError`` for digests that are none.
  init(_ request: OllamaCreate) throws {
    switch request.source {
    case .model(let name): self.init(source: .model(name))
    case .files(let files):
      self.init(
        source: .files(
          try files.mapValues { text in
            guard let digest = Digest(text) else { throw OllamaError("\(text) is no digest of a blob") }
            return digest
          }))
    }
    template = request.template
    licenses = request.licenses
    documents = request.defaults.layers.reduce(into: [:]) { $0[$1.type] = $1.content }
    contextSize = request.contextSize.map(Int64.init)
  }
}

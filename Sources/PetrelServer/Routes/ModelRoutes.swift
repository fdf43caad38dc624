// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelAPI
import PetrelEngines
import PetrelHTTP
import PetrelLibrary
import PetrelOCI
import PetrelPackaging
import PetrelScheduling
import PetrelSigning
import PetrelStore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The management API under `/models`.
struct ModelRoutes: Sendable {
  let library: ModelLibrary
  let scheduler: Scheduler
  private let listing = ModelListingCache()

  init(library: ModelLibrary, scheduler: Scheduler) {
    self.library = library
    self.scheduler = scheduler
  }

  /// A model's name may hold slashes, so its end is found from the right: the last segment may be an action.
  func route(_ head: RequestHead, _ segments: ArraySlice<Substring>) -> Route {
    let name = segments.joined(separator: "/")
    switch head.method {
    case .GET, .HEAD:
      if segments.isEmpty { return list() }
      if segments.count > 1, segments.last == "export" { return export(segments.dropLast().joined(separator: "/")) }
      return inspect(name, head)
    case .POST:
      if name == "create" { return pull() }
      if name == "load" { return load() }
      if name == "adopt" { return adopt(head) }
      guard let action = segments.last, segments.count > 1 else { return APIServer.wrongMethod("GET, DELETE", head) }
      let model = segments.dropLast().joined(separator: "/")
      switch action {
      case "tag": return tag(model, head)
      case "push": return push(model)
      case "copy": return copy(model)
      case "repackage": return repackage(model)
      default: return .answer(TextError(.notFound, "unknown action \(quoted(String(action)))").response)
      }
    case .DELETE:
      if segments.isEmpty { return APIServer.wrongMethod("GET", head) }
      return name == "purge" ? purge() : delete(name, head)
    default:
      return APIServer.wrongMethod(segments.isEmpty ? "GET" : "GET, POST, DELETE", head)
    }
  }

  // MARK: Reading

  /// Makes the list before somebody asks for it.
  ///
  /// - Returns: whether there is a model.
  func prepareList() async throws -> Bool {
    let models = try await library.list()
    _ = try listing.json(of: models)
    return !models.isEmpty
  }

  private func list() -> Route {
    .respond { [library, listing] _, _ in
      SimpleResponse(
        headers: ["Content-Type": "application/json"], body: try listing.json(of: try await library.list()))
    }
  }

  private func inspect(_ name: String, _ head: RequestHead) -> Route {
    if Self.flag("artifact", head) { return documents(name) }
    let isRemote = Self.flag("remote", head)
    return Self.respond("getting") { [library, scheduler] _, _ in
      if isRemote { return try .json(try await library.inspectRemote(name)) }
      var object = ModelObject(try await library.inspect(name))
      let runners = scheduler.board.rows().filter { $0.key.model == object.id && !$0.isDraining }.map { row in
        LoadedRunner(
          mode: row.key.mode.rawValue, contextSize: row.facts.properties.contextSize,
          slots: row.facts.properties.slots)
      }
      object.runtime = runners.isEmpty ? nil : runners
      return try .json(object)
    }
  }

  private func documents(_ name: String) -> Route {
    Self.respond("getting") { [library] _, _ in try .json(try await library.documents(name)) }
  }

  private func export(_ name: String) -> Route {
    .streaming { [library] head, _, writer in
      try await Self.translating("exporting") {
        let archive = try await library.export(name)
        let fileName = name.replacing("\"", with: "")
        try await writer.start(
          .ok,
          headers: [
            "Content-Type": "application/x-tar", "Content-Length": String(archive.size),
            "Content-Disposition": "attachment; filename=\"\(fileName).tar\"",
          ])
        guard head.method != .HEAD else { return }
        for try await chunk in archive { try await writer.write(ByteBuffer(bytes: chunk)) }
      }
    }
  }

  // MARK: Transfers

  private func pull() -> Route {
    .task(bodyLimit: APIServer.smallBody) { [library] head, body, writer in
      try await Self.translating("pulling") {
        let request: PullRequest = try Self.decode(body)
        let lines = try await library.pull(
          request.from, bearerToken: try Self.token(request.bearerToken), verifying: try SignatureDemand(request))
        try await Self.stream(lines, to: writer, head)
      }
    }
  }

  private func push(_ name: String) -> Route {
    .task(bodyLimit: APIServer.smallBody) { [library] head, body, writer in
      try await Self.translating("pushing") {
        let request: PushRequest = body.readableBytes == 0 ? PushRequest() : try Self.decode(body)
        let lines = try await library.push(
          name, bearerToken: try Self.token(request.bearerToken),
          signature: try request.signature.map { try DetachedSignature($0) })
        try await Self.stream(lines, to: writer, head)
      }
    }
  }

  /// Other characters can't be sent in a header.
  private static func token(_ text: String?) throws -> String? {
    guard text?.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) != false else {
      throw TextError(.badRequest, "invalid bearer-token: it must be visible ASCII characters without blanks")
    }
    return text
  }

  private func copy(_ name: String) -> Route {
    .task(bodyLimit: APIServer.smallBody) { [library] head, body, writer in
      try await Self.translating("copying") {
        let request: CopyRequest = try Self.decode(body)
        let lines = try await library.copy(name, to: request.target)
        try await Self.stream(lines, to: writer, head)
      }
    }
  }

  private func load() -> Route {
    .streaming { [library] _, body, writer in
      try await Self.translating("loading") {
        let model = try await library.load(body)
        let line = ProgressLine(type: .success, message: "Model loaded successfully", mode: .pull)
        var response = try SimpleResponse.json(line)
        response.headers.add(name: "X-Model-ID", value: "\(model.id)")
        try await writer.respond(response)
      }
    }
  }

  /// The daemon opens files that the request names: for those alone who may open its socket.
  private func adopt(_ head: RequestHead) -> Route {
    guard head.isFromUnixSocket else {
      return .answer(
        TextError(.forbidden, "files of this machine are taken over the daemon's Unix socket only").response)
    }
    return .respond(bodyLimit: Self.largestAdoption) { [library] _, body in
      try await Self.translating("loading") {
        try .json(try await library.adopt(try Self.decode(body) as AdoptRequest))
      }
    }
  }

  /// A manifest, a config, and the names of all their files.
  private static let largestAdoption = 64 * 1024 * 1024

  /// One JSON object a line, each sent at once. `text/plain` unless the client asks for JSON, as the reference does.
  private static func stream(_ lines: ProgressStream, to writer: ResponseWriter, _ head: RequestHead) async throws {
    let wantsJSON = head.headers["Accept"].contains { $0.contains("application/json") }
    try await writer.start(
      .ok,
      headers: [
        "Content-Type": wantsJSON ? "application/json" : "text/plain; charset=utf-8", "Cache-Control": "no-cache",
      ])
    for await line in lines {
      try await writer.write(try SimpleResponse.json(line).body)
    }
  }

  // MARK: Changes

  private func tag(_ name: String, _ head: RequestHead) -> Route {
    guard let repository = head.queryItem("repo"), let tag = head.queryItem("tag"), !repository.isEmpty, !tag.isEmpty
    else { return .answer(TextError(.badRequest, "missing repo or tag query parameter").response) }
    let target = "\(repository):\(tag)"
    return Self.respond("tagging") { [library] _, _ in
      try await library.tag(name, as: target)
      return try .json(TagResponse(target: target), status: .created)
    }
  }

  private func repackage(_ name: String) -> Route {
    Self.respond("repackaging") { [library] _, body in
      let request: RepackageRequest = try Self.decode(body)
      guard !request.target.isEmpty else { throw TextError(.badRequest, "target is required") }
      _ = try await library.repackage(name, as: request.target, contextSize: request.contextSize)
      return try .json(RepackageResponse(source: name, target: request.target), status: .created)
    }
  }

  private func delete(_ name: String, _ head: RequestHead) -> Route {
    let force = Self.flag("force", head)
    return Self.respond("deleting") { [library, scheduler] _, _ in
      // Unloaded first: idle engines end now, those that answer when they have. Their files are open.
      if let id = try await library.modelDeleted(byRemoving: name, force: force) { await scheduler.retire(id) }
      let actions = try await library.remove(name, force: force)
      // A request may have loaded it again meanwhile.
      for id in actions.compactMap(\.deleted) { await scheduler.retire(id) }
      return try .json(actions)
    }
  }

  private func purge() -> Route {
    Self.respond("purging") { [library, scheduler] _, _ in
      await scheduler.retireAll()
      try await library.purge()
      await scheduler.retireAll()
      return SimpleResponse()
    }
  }

  // MARK: Pieces

  private static func respond(
    _ operation: String, _ make: @escaping @Sendable (RequestHead, ByteBuffer) async throws -> SimpleResponse
  ) -> Route {
    .respond { head, body in try await translating(operation) { try await make(head, body) } }
  }

  /// Gives errors their text; cancellation passes through.
  private static func translating<Result>(
    _ operation: String, _ body: () async throws -> Result
  ) async throws -> Result {
    do {
      return try await body()
    } catch {
      throw ErrorMapping.text(error, operation: operation) ?? error
    }
  }

  static func decode<Body: Decodable>(_ bytes: ByteBuffer) throws -> Body {
    do {
      return try JSONDecoder().decode(Body.self, from: Data(bytes.readableBytesView))
    } catch {
      let fault = DecodingFault.text(error, isEmpty: bytes.readableBytes == 0)
      throw TextError(.badRequest, "invalid request body: \(fault)")
    }
  }

  /// A query flag: true when it is there without a value.
  private static func flag(_ name: String, _ head: RequestHead) -> Bool {
    guard let value = head.queryItem(name) else { return false }
    return ["", "1", "t", "T", "true", "TRUE", "True"].contains(value)
  }
}

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

/// The management API under `/engines`: settings of models, unloading, installation.
struct EngineRoutes: Sendable {
  let library: ModelLibrary
  let scheduler: Scheduler
  let installation: EngineInstallation

  /// The route for what follows `/engines`; nil when it is none of these.
  func route(_ head: RequestHead, _ segments: ArraySlice<Substring>) -> Route? {
    switch (segments.first, segments.count) {
    case ("_configure", 1): return configure(head, backend: nil)
    case ("unload", 1): return head.method == .POST ? unload() : APIServer.wrongMethod("POST", head)
    case ("install-backend", 1): return head.method == .POST ? install() : APIServer.wrongMethod("POST", head)
    case ("uninstall-backend", 1): return head.method == .POST ? uninstall() : APIServer.wrongMethod("POST", head)
    case (.some(let backend), 2) where segments.last == "_configure":
      return configure(head, backend: String(backend))
    default: return nil
    }
  }

  // MARK: Settings

  private func configure(_ head: RequestHead, backend: String?) -> Route {
    if let backend, backend != LlamaCpp.name { return .answer(Self.unknownBackend.response) }
    if head.isRead, backend == nil { return settings(of: head.queryItem("model")) }
    guard head.method == .POST else { return APIServer.wrongMethod(backend == nil ? "GET, POST" : "POST", head) }
    return Self.respond { [library, scheduler] _, body in
      let request = try RequestDecoding.decode(ConfigureRequest.self, from: body)
      let requested = try await library.configurable(request)
      try await scheduler.configure(requested.key, requested.change)
      if request.preloads {
        // Belongs to the scheduler, as every load does: it ends when the model is ready, can't be, or the daemon ends.
        Task { await scheduler.preload(requested.model, mode: requested.key.mode) }
      }
      return SimpleResponse(status: .accepted)
    }
  }

  private func settings(of model: String?) -> Route {
    Self.respond { [library, scheduler] _, _ in
      let models = try await library.list()
      var wanted: Digest?
      if let model, !model.isEmpty {
        guard let found = try? await library.inspect(model) else { return try .json([ConfiguredModelObject]()) }
        wanted = found.id
      }
      let objects = scheduler.settings.all.compactMap { entry -> ConfiguredModelObject? in
        guard wanted == nil || wanted == entry.key.model, let model = models.first(where: { $0.id == entry.key.model })
        else { return nil }
        return ConfiguredModelObject(
          backend: LlamaCpp.name, model: model.tags.first ?? "", modelID: model.id, mode: entry.key.mode.rawValue,
          config: entry.settings)
      }
      return try .json(objects)
    }
  }

  // MARK: Unloading

  private func unload() -> Route {
    Self.respond { [library, scheduler] _, body in
      let request = try RequestDecoding.decode(UnloadRequest.self, from: body)
      if let backend = request.backend, !backend.isEmpty, backend != LlamaCpp.name {
        return try .json(UnloadResponse(unloadedRunners: 0, inUse: []))
      }
      let all = request.all == true
      let names = Set(request.models ?? [])
      var ids: Set<Digest> = []
      if !all {
        // A model that has been removed may still have a runner, which answers to its name.
        for name in names { if let model = try? await library.inspect(name) { ids.insert(model.id) } }
      }
      let (wanted, given) = (ids, names)
      let result = await scheduler.unload(busyOnesToo: request.whenIdle == true) { key, name in
        all || wanted.contains(key.model) || given.contains(name)
      }
      return try .json(UnloadResponse(unloadedRunners: result.count, inUse: result.inUse))
    }
  }

  // MARK: Installation

  private func install() -> Route {
    Self.respond { [installation, scheduler] _, body in
      let request = try Self.backendRequest(body)
      do {
        try await installation.install(version: request.version)
        await scheduler.forgetFailures()
      } catch let error as EngineError {
        throw TextError(.internalServerError, "backend installation failed: \(error.message)")
      }
      return SimpleResponse()
    }
  }

  private func uninstall() -> Route {
    Self.respond { [installation, scheduler] _, body in
      let request = try Self.backendRequest(body)
      let unloading = await scheduler.unload { _, _ in true }
      guard unloading.inUse.isEmpty else {
        throw TextError(
          .conflict,
          "backend uninstall failed: \(unloading.inUse.joined(separator: ", ")) is in use; try again when it is idle")
      }
      do {
        try await installation.uninstall(version: request.version.flatMap { $0.isEmpty ? nil : $0 })
      } catch let error as EngineError {
        throw TextError(.internalServerError, "backend uninstall failed: \(error.message)")
      }
      return SimpleResponse()
    }
  }

  private static func backendRequest(_ body: ByteBuffer) throws -> BackendRequest {
    guard let request = try? RequestDecoding.decode(BackendRequest.self, from: body),
      let backend = request.backend, !backend.isEmpty
    else { throw TextError(.badRequest, "invalid request: backend is required") }
    guard backend == LlamaCpp.name else { throw unknownBackend }
    return request
  }

  // MARK: Pieces

  private static let unknownBackend = TextError(.notFound, "backend not found")

  private static func respond(
    _ make: @escaping @Sendable (RequestHead, ByteBuffer) async throws -> SimpleResponse
  ) -> Route {
    .respond { head, body in
      do {
        return try await make(head, body)
      } catch {
        throw ErrorMapping.engines(error) ?? error
      }
    }
  }
}

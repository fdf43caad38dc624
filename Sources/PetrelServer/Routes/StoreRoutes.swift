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
import SystemPackage

/// Upkeep of the store: `POST /models/fsck`, `POST /models/prune`, `GET /engines/df`.
struct StoreRoutes: Sendable {
  let library: ModelLibrary
  let scheduler: Scheduler
  let engine: LlamaCpp

  /// The route for a path under `/models`; nil when it is none of these.
  func route(_ head: RequestHead, _ segments: ArraySlice<Substring>) -> Route? {
    guard head.method == .POST, segments.count == 1 else { return nil }
    switch segments.first {
    case "fsck": return check()
    case "prune": return prune()
    default: return nil
    }
  }

  /// One JSON object a line, each sent at once. The check ends when the client leaves.
  private func check() -> Route {
    .task(bodyLimit: APIServer.smallBody) { [library] _, body, writer in
      let lines = LineWriter(writer)
      do {
        let request = body.readableBytes == 0 ? StoreCheckRequest() : try ModelRoutes.decode(body)
        try await library.check(request) { line in try await lines.send(line) }
      } catch {
        guard let error = ErrorMapping.text(error, operation: "checking") else { throw error }
        guard await lines.hasStarted else { throw error }
        try await lines.send(StoreCheckLine(.error, message: error.message))
      }
    }
  }

  private func prune() -> Route {
    .respond { [self] _, body in
      do {
        let request = body.readableBytes == 0 ? PruneRequest() : try ModelRoutes.decode(body)
        let isDryRun = request.dryRun == true
        var report = try await library.prune(untagged: request.all == true, dryRun: isDryRun) { id in
          await scheduler.isInUse(id)
        }
        if request.all == true {
          for folder in engine.unusedInstallations() {
            let size = try await FolderSize.of(folder)
            if !isDryRun { try engine.removeInstallation(folder) }
            report.items.append(PruneReport.Item(kind: "unused-engine", name: folder.string, size: size))
            report.reclaimed += size
          }
        }
        return try .json(report)
      } catch {
        throw ErrorMapping.text(error, operation: "pruning") ?? error
      }
    }
  }

  func diskUsage(_ head: RequestHead) -> Route {
    guard head.isRead else { return APIServer.wrongMethod("GET", head) }
    return .respond { [self] _, _ in
      do {
        return try .json(try await usage())
      } catch let error as LibraryError {
        throw TextError(.internalServerError, "Failed to get models disk usage: \(error.message)")
      }
    }
  }

  private func usage() async throws -> DiskUsage {
    let usage = try await library.usage()
    let engines = try await FolderSize.of(engine.installationsFolder)
    var unused: Int64 = 0
    let unusedEngines = engine.unusedInstallations()
    for folder in unusedEngines { unused += try await FolderSize.of(folder) }
    func part(_ type: String, _ part: StoreUsage.Part, _ reclaimable: Int64, _ command: String) -> DiskUsage.Part {
      DiskUsage.Part(type: type, count: part.count, size: part.size, reclaimable: reclaimable, command: command)
    }
    let parts = [
      part("Models", usage.models, usage.untagged.size, "petrel prune --all"),
      part("Bundles", usage.bundles, 0, ""),
      part("Partial downloads", usage.partials, usage.partials.size, "petrel prune"),
      part("Files of no model", usage.orphans, usage.orphans.size, "petrel prune"),
      part("Leftovers", usage.leftovers, usage.leftovers.size, "petrel prune"),
      DiskUsage.Part(
        type: "Inference engine", count: engine.installations().count, size: engines, reclaimable: unused,
        command: "petrel prune --all"),
    ]
    return DiskUsage(
      modelsDiskUsage: usage.total, defaultBackendDiskUsage: engines, shared: usage.shared.size,
      parts: parts.filter { $0.size > 0 || $0.type == "Models" })
  }
}

/// Sends one JSON object a line, each at once.
private actor LineWriter {
  private let writer: ResponseWriter
  private(set) var hasStarted = false

  init(_ writer: ResponseWriter) { self.writer = writer }

  /// - Throws: `ChannelError` when the client has gone.
  func send(_ line: some Encodable & Sendable) async throws {
    let bytes = try SimpleResponse.json(line).body
    if !hasStarted {
      hasStarted = true
      try await writer.start(.ok, headers: ["Content-Type": "application/x-ndjson", "Cache-Control": "no-cache"])
    }
    try await writer.write(bytes)
  }
}

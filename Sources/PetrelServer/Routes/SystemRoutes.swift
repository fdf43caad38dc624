// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelHTTP
import PetrelMemory
import PetrelScheduling
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the daemon says of itself and its engines.
struct SystemRoutes: Sendable {
  let scheduler: Scheduler
  let installation: EngineInstallation

  func root(_ head: RequestHead) -> Route {
    .answer(SimpleResponse(contentType: "text/plain; charset=utf-8", text: "Docker Model Runner is running"))
  }

  func version(_ head: RequestHead) -> Route {
    .respond { _, _ in try .json(VersionResponse(version: PetrelVersion.current)) }
  }

  func health(_ head: RequestHead) -> Route {
    .answer(SimpleResponse(contentType: "application/json", text: "{\"status\":\"ok\"}\n"))
  }

  /// The description of the API, for programs.
  func openAPI(_ head: RequestHead) -> Route {
    guard head.isRead else { return APIServer.wrongMethod("GET", head) }
    return .respond { _, _ in
      SimpleResponse(contentType: "application/json", text: "\(OpenAPIText.json)\n")
    }
  }

  /// Loaded runners first, then those that load, then those that failed lately.
  func runners(_ head: RequestHead) -> Route {
    guard head.isRead else { return APIServer.wrongMethod("GET", head) }
    return .respond { [scheduler] _, _ in
      let zeroTime = "0001-01-01T00:00:00Z"
      let memory = await scheduler.memoryOfRunners()
      let ready = scheduler.board.rows().map { row in
        RunnerObject(
          backendName: LlamaCpp.name, modelName: row.name, mode: row.key.mode.rawValue,
          lastUsed: row.isInUse ? zeroTime : Self.timestamp(ago: row.idleFor), inUse: row.isInUse, loading: false,
          keepAlive: row.keepAlive.text, draining: row.isDraining, contextSize: row.facts.properties.contextSize,
          slots: row.facts.properties.slots, pid: row.facts.pid,
          memory: memory[row.id]?.measured?.bytes, memoryEstimate: memory[row.id]?.estimate?.bytes)
      }
      let loading = await scheduler.loading().map { name, key in
        RunnerObject(
          backendName: LlamaCpp.name, modelName: name, mode: key.mode.rawValue, lastUsed: zeroTime, inUse: false,
          loading: true, keepAlive: scheduler.settings.effective(key).keepAlive?.text)
      }
      let failed = await scheduler.failed().map { failure in
        RunnerObject(
          failed: failure.name, backendName: LlamaCpp.name, mode: failure.key.mode.rawValue, error: failure.summary,
          reason: failure.kind?.rawValue)
      }
      return try .json(ready + loading + failed)
    }
  }

  /// Each engine with a text of the form `<State>` or `<State>: <detail>`.
  func engineStatus(_ head: RequestHead) -> Route {
    guard head.isRead else { return APIServer.wrongMethod("GET", head) }
    return .respond { [installation, scheduler] _, _ in
      var text = await installation.status()
      if let failure = await scheduler.failed().last { text += "; \(failure.name) failed: \(failure.summary)" }
      let json = JSONNode.object([JSONMember(LlamaCpp.name, .string(text))]).serialized()
      return SimpleResponse(contentType: "application/json", text: json)
    }
  }

  private static func timestamp(ago duration: Duration) -> String {
    let seconds = Double(duration.components.seconds)
    return Date(timeIntervalSinceNow: -seconds).formatted(.iso8601)
  }
}

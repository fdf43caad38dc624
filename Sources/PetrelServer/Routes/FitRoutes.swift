// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelAPI
import PetrelEngines
import PetrelHTTP
import PetrelLibrary
import PetrelMemory
import PetrelScheduling

/// `GET /engines/fit?model=…`: what a model needs, and whether there is as much.
struct FitRoutes: Sendable {
  let library: ModelLibrary
  let scheduler: Scheduler

  func fit(_ head: RequestHead) -> Route {
    guard head.isRead else { return APIServer.wrongMethod("GET", head) }
    return .respond { [library, scheduler] head, _ in
      do {
        guard let name = head.queryItem("model"), !name.isEmpty else {
          throw TextError(.badRequest, "invalid request: model is required")
        }
        var model = try await library.requestedModel(name)
        let mode = try Self.mode(head) ?? scheduler.preferredMode(of: model.id)
        model.options.contextSize = try Self.contextSize(head)
        return try .json(FitReport(name, mode, try await scheduler.fit(model, mode: mode)))
      } catch {
        throw ErrorMapping.engines(error) ?? error
      }
    }
  }

  private static func mode(_ head: RequestHead) throws -> EngineMode? {
    guard let name = head.queryItem("mode"), !name.isEmpty else { return nil }
    guard let mode = EngineMode(rawValue: name) else {
      throw TextError(.badRequest, "unknown backend mode: \"\(name)\"")
    }
    return mode
  }

  private static func contextSize(_ head: RequestHead) throws -> Int? {
    guard let text = head.queryItem("context_size"), !text.isEmpty else { return nil }
    guard let size = Int(text), SettingsValidation.contextSizes.contains(size) else {
      throw TextError(.badRequest, "invalid context_size: \"\(text)\" is no number of tokens")
    }
    return size
  }
}

extension FitReport {
  init(_ name: String, _ mode: EngineMode, _ fit: FitAssessment) {
    let demand = fit.demand.memory
    self.init(
      model: name, backend: LlamaCpp.name, mode: mode.rawValue,
      fits: [.loaded, .loading, .fits, .fitsAfterEviction].contains(fit.verdict), verdict: fit.verdict.rawValue,
      message: fit.message, contextSize: demand.contextSize, requestedContextSize: fit.demand.cutContext,
      slots: demand.slots, cacheTypeK: demand.keyType.rawValue, cacheTypeV: demand.valueType.rawValue,
      estimate: fit.estimate.map(Estimate.init), measured: fit.measured?.bytes,
      free: fit.free.map { Free($0, evictable: fit.evictable) }, wouldFit: fit.options.map(Option.init))
  }
}

extension FitReport.Estimate {
  fileprivate init(_ estimate: MemoryEstimate) {
    self.init(
      total: estimate.total.bytes,
      terms: estimate.terms.map { FitReport.Term(name: $0.kind.rawValue, bytes: $0.size.bytes, detail: $0.detail) })
  }
}

extension FitReport.Free {
  fileprivate init(_ free: FreeMemory, evictable: ByteCount) {
    self.init(
      usable: free.usable.bytes, available: free.available.bytes, reserve: free.reserve.bytes, held: free.held.bytes,
      heldFiles: free.heldFiles.bytes, loading: free.promised.bytes, evictable: evictable.bytes,
      limit: free.limit?.bytes)
  }
}

extension FitReport.Option {
  fileprivate init(_ option: FitAdvice.Option) {
    self.init(
      contextSize: option.demand.contextSize, slots: option.demand.slots, cacheType: option.demand.keyType.rawValue,
      total: option.total.bytes, flags: option.flags)
  }
}

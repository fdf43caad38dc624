// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelMemory
import PetrelProcess

/// Whether a model fits into memory, and what it would need.
package struct FitAssessment: Sendable {
  package enum Verdict: String, Sendable {
    /// An engine runs.
    case loaded
    /// An engine is on its way, and has been promised what it needs.
    case loading
    case fits
    /// It fits when engines that are idle are ended.
    case fitsAfterEviction = "fits-after-eviction"
    /// It fits when engines that are busy have ended.
    case waits = "fits-when-others-end"
    case tooLarge = "too-large"
    /// The model's files, or the system, don't tell.
    case unknown
  }

  package var verdict: Verdict
  package var demand: EngineDemand
  package var estimate: MemoryEstimate?
  package var free: FreeMemory?
  /// What ending idle engines would give back.
  package var evictable: ByteCount
  /// What the model's engine takes now.
  package var measured: ByteCount?
  /// What would fit, when this does not.
  package var options: [FitAdvice.Option] = []
}

extension Scheduler {
  /// Says what loading a model would mean, without loading it.
  ///
  /// - Throws: what `prepare` throws, and ``EngineError`` for settings that can't be.
  package func fit(_ model: RequestedModel, mode: EngineMode) async throws -> FitAssessment {
    let key = RunnerKey(model: model.id, mode: mode)
    let settings = launchSettings(key, model.options)
    let prepared = try await prepare(model, mode: mode, settings)
    let files = prepared.files
    defer { withExtendedLifetime(prepared) {} }
    var demand = try launcher.demand(for: files, mode: mode, settings: settings)
    let running = runners.first { $0.value.key == key && draining[$0.key] == nil }
    if let running {
      demand.memory.sharesCache = running.value.sharesCache
      if let slots = board.facts(of: running.key)?.properties.slots { demand.memory.slots = slots }
    }
    let measured = running.flatMap { measure($0.key) }
    // What its own engine is promised is not missing.
    let load = loads[key]
    var assessment = FitAssessment(
      verdict: .unknown, demand: demand, estimate: files.estimate(demand.memory),
      free: measuredFreeMemory(without: load?.id),
      evictable: .zero, measured: measured, options: [])
    let others = runners.filter { $0.value.key != key }
    let idle = Set(board.idleRunners().map(\.id))
    let pinned = Set(board.rows().filter(\.isPinned).map(\.id))
    assessment.evictable = others.filter { idle.contains($0.key) }.map(\.value.held).total
    guard running == nil else {
      assessment.verdict = .loaded
      return assessment
    }
    if let load, load.promised > .zero {
      assessment.verdict = .loading
      return assessment
    }
    guard let estimate = assessment.estimate, let free = assessment.free else { return assessment }
    let usable = free.usable
    let inTime = usable + others.filter { !pinned.contains($0.key) }.map(\.value.held).total + free.promised
    assessment.demand.memory = files.demand(demand, within: max(usable, usable + assessment.evictable))
    assessment.estimate = files.estimate(assessment.demand.memory)
    let total = (assessment.estimate ?? estimate).total
    assessment.verdict =
      total <= usable
      ? .fits : total <= usable + assessment.evictable ? .fitsAfterEviction : total <= inTime ? .waits : .tooLarge
    if assessment.verdict == .tooLarge || assessment.verdict == .waits {
      let limit = assessment.verdict == .tooLarge ? inTime : usable + assessment.evictable
      assessment.options =
        FitAdvice(assessment.demand.memory, limit: limit) { files.estimate($0)?.total ?? .zero }
        .options
    }
    return assessment
  }

  /// What the runner's engine takes now; the last known when it does not tell.
  @discardableResult
  func measure(_ id: RunnerID) -> ByteCount? {
    guard let runner = runners[id] else { return nil }
    if let measured = memory.process(runner.engine.process.pid) { runners[id]?.memory = measured }
    return runners[id]?.measured
  }

  private func measuredFreeMemory(without id: RunnerID?) -> FreeMemory? {
    for id in runners.keys { measure(id) }
    return freeMemory(without: id)
  }

  /// What the engines of all runners take now, and what they were expected to take.
  package func memoryOfRunners() -> [RunnerID: (measured: ByteCount?, estimate: ByteCount?)] {
    for id in runners.keys { measure(id) }
    return runners.mapValues { ($0.measured, $0.estimate) }
  }
}

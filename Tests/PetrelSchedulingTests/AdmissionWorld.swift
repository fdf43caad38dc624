// SPDX-License-Identifier: Apache-2.0

import PetrelMemory
import Testing

@testable import PetrelScheduling

/// A machine with engines as the rules of admission see it. It does what they decide, and checks what must always hold.
struct AdmissionWorld {
  struct Model: Sendable {
    var need: Int64
    var isPinned = false
  }

  enum Event: Sendable, Hashable {
    case ask(Int)
    case withdraw(RunnerID)
    /// Somebody interactive comes to wait for it, or nobody but batch work is left.
    case rank(RunnerID)
    case loaded(RunnerID)
    case loadFailed(RunnerID)
    /// A request begins, or the last one ends, at a runner.
    case begin(RunnerID)
    case finish(RunnerID)
    case gone(RunnerID)
    case time(Duration)
  }

  private struct Runner {
    let model: Int
    var isBusy = true
    var isDraining = false
    var idleSince: Admission.Instant
  }

  let models: [Model]
  let memory: Int64
  private(set) var admission: Admission
  private(set) var now: Admission.Instant
  private var runners: [RunnerID: Runner] = [:]
  private var loading: [RunnerID: Int] = [:]
  private var ending: [RunnerID: Int] = [:]
  private var asked: [RunnerID: Int] = [:]
  private var nextID: RunnerID = 0
  private(set) var refused: [Admission.Refusal] = []
  private(set) var admitted = 0

  init(_ models: [Model], memory: Int64, limits: Admission.Limits, start: Admission.Instant) {
    self.models = models
    self.memory = memory
    admission = Admission(limits: limits)
    now = start
  }

  var isWaiting: Bool { !admission.waiting.isEmpty }

  /// All that can happen next.
  var events: [Event] {
    var events: [Event] = models.indices.filter { model in !isKnown(model) }.map { .ask($0) }
    events += admission.waiting.map { .withdraw($0.id) }
    for id in loading.keys.sorted() { events += [.loaded(id), .loadFailed(id)] }
    for (id, runner) in runners.sorted(by: { $0.key < $1.key }) {
      if runner.isBusy { events.append(.finish(id)) } else if !runner.isDraining { events.append(.begin(id)) }
    }
    events += ending.keys.sorted().map { .gone($0) }
    if isWaiting { events.append(.time(admission.limits.patience)) }
    return events
  }

  private func isKnown(_ model: Int) -> Bool {
    asked.values.contains(model) || loading.values.contains(model)
      || runners.values.contains { $0.model == model && !$0.isDraining }
  }

  mutating func happen(_ event: Event) {
    switch event {
    case .ask(let model):
      nextID += 1
      asked[nextID] = model
      if !admission.enqueue(.init(id: nextID, need: ByteCount(models[model].need), since: now)) { asked[nextID] = nil }
    case .withdraw(let id):
      let wasWaiting = admission.withdraw(id)
      #expect(wasWaiting)
      asked[id] = nil
    case .rank(let id):
      let isBatch = admission.waiting.contains { $0.id == id && $0.isBatch }
      let isChanged = admission.setBatch(!isBatch, of: id)
      #expect(isChanged)
    case .loaded(let id):
      admission.ended(id)
      runners[id] = loading.removeValue(forKey: id).map { Runner(model: $0, idleSince: now) }
    case .loadFailed(let id):
      admission.ended(id)
      loading[id] = nil
    case .begin(let id): runners[id]?.isBusy = true
    case .finish(let id):
      runners[id]?.isBusy = false
      runners[id]?.idleSince = now
      if let runner = runners[id], runner.isDraining { end(id) }
    case .gone(let id): ending[id] = nil
    case .time(let duration): now += duration
    }
    decide()
    check()
  }

  private mutating func end(_ id: RunnerID) { ending[id] = runners.removeValue(forKey: id)?.model }

  private var used: Int64 {
    (runners.values.map(\.model) + loading.values + ending.values).reduce(0) { $0 + models[$1].need }
  }

  private mutating func decide() {
    // Each decision changes something for good, so there are not many.
    for _ in 0..<100 {
      switch admission.next(surroundings) {
      case .admit(let id):
        admitted += 1
        loading[id] = asked.removeValue(forKey: id)
      case .evict(let id):
        let runner = runners[id]
        #expect(runner?.isBusy == false && runner?.isDraining == false, "only idle runners are ended")
        #expect(runner.map { models[$0.model].isPinned } == false, "pinned runners stay")
        end(id)
      case .drain(let id):
        let runner = runners[id]
        #expect(runner?.isBusy == true && runner?.isDraining == false)
        #expect(runner.map { models[$0.model].isPinned } == false, "pinned runners stay")
        runners[id]?.isDraining = true
      case .refuse(let id, let reason):
        asked[id] = nil
        refused.append(reason)
      case .wait(let time):
        #expect((time == nil) == admission.waiting.isEmpty, "whoever waits is looked after at some time")
        #expect(time.map { $0 > now } ?? true, "time passes between two questions")
        return
      }
    }
    Issue.record("the rules come to no end")
  }

  private var surroundings: Admission.Surroundings {
    Admission.Surroundings(
      now: now,
      residents: runners.map { id, runner in
        Admission.Resident(
          id: id, held: ByteCount(models[runner.model].need), isBusy: runner.isBusy,
          isPinned: models[runner.model].isPinned, isDraining: runner.isDraining, idleSince: runner.idleSince)
      },
      ending: ending.count, usable: ByteCount(memory - used),
      promised: ByteCount(loading.values.reduce(0) { $0 + models[$1].need }))
  }

  private func check() {
    #expect(used <= memory, "no more memory than there is")
    #expect(runners.count + loading.count + ending.count <= admission.limits.engines)
    #expect(Set(loading.keys) == admission.loading)
    #expect(Set(asked.keys) == Set(admission.waiting.map(\.id)))
  }

  /// Lets everything that has begun come to its end, and asks for nothing new.
  mutating func settle() {
    for _ in 0..<200 {
      guard isWaiting || !loading.isEmpty || !ending.isEmpty else { return }
      if let id = ending.keys.min() {
        happen(.gone(id))
      } else if let id = loading.keys.min() {
        happen(.loaded(id))
      } else if let id = runners.filter(\.value.isBusy).keys.min() {
        happen(.finish(id))
      } else {
        happen(.time(admission.limits.patience))
      }
    }
    Issue.record("somebody waits for ever")
  }
}

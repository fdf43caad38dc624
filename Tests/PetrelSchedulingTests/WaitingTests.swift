// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelOCI
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelScheduling

/// What becomes of those who wait when something else happens at the same moment.
@Suite(.timeLimit(.minutes(10))) struct WaitingTests {
  private func batch(_ model: FakeModel) -> RequestedModel {
    var requested = model.requested
    requested.options.priority = .batch
    return requested
  }

  /// The same model, whose files are not ready before the flag is set.
  private func slow(_ model: FakeModel, until flag: Flag, reached: Flag = Flag()) -> RequestedModel {
    let requested = model.requested
    return RequestedModel(id: requested.id, name: requested.name) {
      reached.set()
      // Takes no notice of a cancellation, like work on a file.
      try await Task.detached { try await flag.wait("the files") }.value
      return try await requested.prepare()
    }
  }

  @Test func `A runner that is hidden while requests come to it gives them nothing worse than another look`()
    async throws
  {
    let key = RunnerKey(model: Digest(of: Array("model".utf8)), mode: .completion)
    let board = RunnerBoard()
    let isOver = Flag()
    let requests = Task.detached {
      while !isOver.isSet { _ = try await board.place(for: key, name: "a") }
    }
    for runner in 1...2000 as ClosedRange<RunnerID> {
      board.putUp(
        runner, key: key, socket: "/run/x.sock", displayName: "a",
        facts: RunnerFacts(properties: EngineProperties(contextSize: 512, slots: 1)))
      // Full for a moment, so that requests come to wait.
      let lease = try await board.place(for: key, name: "a")
      board.hide(runner)
      lease?.release()
      await board.retire(runner)
    }
    isOver.set()
    try await requests.value
  }

  @Test func `A model that nobody wants any more when its files are ready is not loaded`() async throws {
    try await withScheduler(maximumRunners: 1) { fixture in
      let (a, b) = (try fixture.model("a"), try fixture.model("b"))
      try await fixture.lease(a).release()
      let (isReady, isBegun) = (Flag(), Flag())
      let requested = slow(b, until: isReady, reached: isBegun)
      let leaving = Task { try await fixture.scheduler.lease(for: requested, mode: .completion) }
      try await isBegun.wait("the load")
      leaving.cancel()
      await #expect(throws: CancellationError.self) { try await leaving.value }
      isReady.set()
      try await eventually("the load is given up") { await fixture.scheduler.loading().isEmpty }
      #expect(b.starts.isEmpty)
      #expect(a.running.count == 1, "nothing made room for it")
      try await fixture.lease(b).release()
      #expect(b.starts.count == 1)
    }
  }

  @Test func `While it is found out why a load failed, others load`() async throws {
    try await withScheduler(maximumRunners: 1) { fixture in
      let (a, b) = (try fixture.model("a", "exit:1:error: cannot read"), try fixture.model("b"))
      let (isAsked, isKnown, isGivenUp) = (Flag(), Flag(), Flag())
      var requested = a.requested
      requested.explainFailure = {
        isAsked.set()
        do { try await isKnown.wait("the reason") } catch { isGivenUp.set() }
        return "a file is damaged"
      }
      let failing = Task { [requested] in try await fixture.scheduler.lease(for: requested, mode: .completion) }
      try await isAsked.wait("the search for the reason")
      try await fixture.lease(b).release()
      #expect(!isGivenUp.isSet, "it has not waited for that")
      isKnown.set()
      let error = await #expect(throws: SchedulingError.self) { try await failing.value }
      #expect(error?.message.contains("a file is damaged") == true)
    }
  }

  @Test func `A load for batch work moves up when somebody interactive waits for it, too`() async throws {
    try await withScheduler(maximumRunners: 1) { fixture in
      let (busy, first, second) = (try fixture.model("busy"), try fixture.model("x"), try fixture.model("y"))
      let lease = try await fixture.lease(busy)
      let early = Task { try await fixture.scheduler.lease(for: batch(first), mode: .completion) }
      try await eventually("one waits") { await fixture.scheduler.waitingForRoom == 1 }
      let other = Task { try await fixture.lease(second) }
      try await eventually("two wait") { await fixture.scheduler.waitingForRoom == 2 }
      #expect(await fixture.scheduler.admission.waiting.map(\.isBatch) == [false, true])
      let late = Task { try await fixture.lease(first) }
      try await eventually("the load is interactive") {
        await fixture.scheduler.admission.waiting.map(\.isBatch) == [false, false]
      }
      lease.release()
      try await eventually("one is loaded") { !first.starts.isEmpty || !second.starts.isEmpty }
      #expect(second.starts.isEmpty, "the one that was asked for first goes first")
      try await early.value.release()
      try await late.value.release()
      try await other.value.release()
    }
  }

  @Test func `One start that fails is told to all who waited for it`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a", "exit:3:error: no such tensor")
      let (isReady, isBegun) = (Flag(), Flag())
      let requested = slow(model, until: isReady, reached: isBegun)
      let requests = (0..<5).map { _ in Task { try await fixture.scheduler.lease(for: requested, mode: .completion) } }
      try await eventually("all wait") { await fixture.scheduler.loads[model.key]?.waiters.count == 5 }
      isReady.set()
      for request in requests {
        let error = await #expect(throws: SchedulingError.self) { try await request.value }
        #expect(error?.code == .loadFailed)
      }
      #expect(model.starts.count == 1)
    }
  }

  @Test func `An engine that takes connections and says nothing is given up, too`() async throws {
    try await withScheduler(loadTimeout: .milliseconds(300)) { fixture in
      let model = try fixture.model("a", "silent")
      let error = await #expect(throws: SchedulingError.self) { try await fixture.lease(model) }
      #expect(error?.message.contains("took too long to initialize") == true, "\(error?.message ?? "")")
      #expect(model.running.isEmpty)
    }
  }

  @Test func `While an engine does not heed the request to end, everything else goes on`() async throws {
    try await withScheduler { fixture in
      let (stubborn, other) = (try fixture.model("a", "ignore-term"), try fixture.model("b"))
      try await fixture.lease(stubborn).release()
      let unloading = Task { await fixture.scheduler.unload { _, name in name == "a" } }
      try await eventually("it is being ended") { fixture.scheduler.board.rows().isEmpty }
      try await fixture.lease(other).release()
      #expect(await fixture.scheduler.loading().isEmpty)
      #expect(fixture.scheduler.board.rows().map(\.name) == ["b"])
      #expect(stubborn.running.count == 1, "it has not been killed yet")
      #expect(await unloading.value.count == 1)
      #expect(stubborn.running.isEmpty)
    }
  }

  @Test func `At the end everybody who waits is told at once, whatever takes long`() async throws {
    try await withScheduler { fixture in
      let (a, b) = (try fixture.model("a"), try fixture.model("b"))
      var change = SettingsChange()
      change.maximumConcurrency = .set(1)
      try await fixture.scheduler.configure(a.key, change)
      let lease = try await fixture.lease(a)
      let queued = Task { try await fixture.lease(a) }
      try await eventually("one waits for a place") { fixture.scheduler.board.rows().first?.waiting == 1 }
      let (isReady, isBegun) = (Flag(), Flag())
      let requested = slow(b, until: isReady, reached: isBegun)
      let loading = Task { try await fixture.scheduler.lease(for: requested, mode: .completion) }
      try await isBegun.wait("the load")
      let end = Task { await fixture.scheduler.shutDown() }
      for request in [queued, loading] {
        let error = await #expect(throws: SchedulingError.self) { try await request.value }
        #expect(error?.code == .shuttingDown)
      }
      isReady.set()
      await end.value
      #expect(a.running.isEmpty && b.starts.isEmpty)
      lease.release()
    }
  }
}

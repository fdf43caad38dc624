// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelScheduling
import PetrelTestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct EvictionTests {
  @Test func `An engine that has been idle for long enough ends`() async throws {
    try await withScheduler(idleTimeout: .milliseconds(50)) { fixture in
      let model = try fixture.model("a")
      let lease = try await fixture.lease(model)
      let other = try fixture.model("b")
      try await fixture.lease(other).release()
      try await eventually("the idle one has ended") { other.running.isEmpty }
      #expect(model.running.count == 1)
      lease.release()
      try await eventually("the other one has ended") { model.running.isEmpty }
      try await eventually("nothing is left") { fixture.runFiles == [".keep"] }
    }
  }

  @Test func `Without an idle time an engine still serves the requests that it was loaded for`() async throws {
    try await withScheduler(idleTimeout: .zero) { fixture in
      let model = try fixture.model("a", "gate")
      let requests = (0..<10).map { _ in Task { try await fixture.lease(model) } }
      try await eventually("the load has begun") { model.starts.count == 1 }
      try model.openGate()
      for request in requests { _ = try await request.value }
      #expect(model.starts.count == 1)
    }
  }

  @Test func `Unloading ends a load for which nobody waits any more`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a", "gate")
      let request = Task { try await fixture.lease(model) }
      try await eventually("the load has begun") { model.starts.count == 1 }
      #expect(await fixture.scheduler.unload { _, name in name == "a" }.inUse == ["a"])
      request.cancel()
      await #expect(throws: CancellationError.self) { _ = try await request.value }
      #expect(await fixture.scheduler.loading().map(\.name) == ["a"])
      #expect(await fixture.scheduler.unload { _, name in name == "a" }.count == 1)
      #expect(await fixture.scheduler.loading().isEmpty)
      #expect(model.running.isEmpty)
      try model.openGate()
      try await fixture.lease(model).release()
    }
  }

  @Test func `Room is made by ending the engine that has been idle for longest`() async throws {
    try await withScheduler(maximumRunners: 2) { fixture in
      let (a, b, c) = (try fixture.model("a"), try fixture.model("b"), try fixture.model("c"))
      try await fixture.lease(a).release()
      try await fixture.lease(b).release()
      try await fixture.lease(a).release()
      try await fixture.lease(c).release()
      #expect(b.running.isEmpty)
      #expect(a.running.count == 1)
      #expect(c.running.count == 1)
    }
  }

  @Test func `When every engine is busy, a new model waits for the first that is idle`() async throws {
    try await withScheduler(maximumRunners: 1) { fixture in
      let (a, b) = (try fixture.model("a"), try fixture.model("b"))
      let lease = try await fixture.lease(a)
      let request = Task { try await fixture.lease(b) }
      try await eventually("it waits") { await fixture.scheduler.loading().map(\.name) == ["b"] }
      #expect(b.starts.isEmpty)
      #expect(a.running.count == 1)
      lease.release()
      _ = try await request.value
      #expect(a.running.isEmpty)
    }
  }

  @Test func `A model that waits for too long is turned away`() async throws {
    let limits = SchedulingLimits(maximumRunners: 1, queueTimeout: .milliseconds(100))
    try await withScheduler(limits: limits) { fixture in
      let (a, b) = (try fixture.model("a"), try fixture.model("b"))
      let lease = try await fixture.lease(a)
      let error = await #expect(throws: SchedulingError.self) { try await fixture.lease(b) }
      #expect(error?.code == .overloaded)
      #expect(error?.retryAfter != nil)
      #expect(b.starts.isEmpty)
      lease.release()
    }
  }

  @Test func `Engines that are to be kept for ever make no room`() async throws {
    try await withScheduler(maximumRunners: 1) { fixture in
      let (a, b) = (try fixture.model("a"), try fixture.model("b"))
      var pinned = a.requested
      pinned.options.keepAlive = .forever
      try await fixture.scheduler.lease(for: pinned, mode: .completion).release()
      let error = await #expect(throws: SchedulingError.self) { try await fixture.lease(b) }
      #expect(error?.message.contains("kept for ever") == true)
      #expect(a.running.count == 1)
    }
  }

  @Test func `A model that is never idle shares with one that waits`() async throws {
    let limits = SchedulingLimits(maximumRunners: 1, patience: .milliseconds(50))
    try await withScheduler(limits: limits) { fixture in
      let (a, b) = (try fixture.model("a"), try fixture.model("b"))
      let lease = try await fixture.lease(a)
      let request = Task { try await fixture.lease(b) }
      try await eventually("it takes nothing new") { fixture.scheduler.board.rows().map(\.isDraining) == [true] }
      // A request for it now waits behind the other model, and does not keep it busy.
      let next = Task { try await fixture.lease(a) }
      try await eventually("both wait") { await fixture.scheduler.loading().count == 2 }
      lease.release()
      try await request.value.release()
      try await next.value.release()
      #expect(b.starts.count == 1)
      #expect(a.starts.count == 2)
    }
  }

  @Test func `A load that nobody waits for any more gives up its turn`() async throws {
    try await withScheduler(maximumRunners: 1) { fixture in
      let (a, b) = (try fixture.model("a"), try fixture.model("b"))
      let lease = try await fixture.lease(a)
      let leaving = Task { try await fixture.lease(b) }
      try await eventually("it waits for room") { await fixture.scheduler.waitingForRoom == 1 }
      leaving.cancel()
      await #expect(throws: CancellationError.self) { try await leaving.value }
      try await eventually("nothing waits") { await fixture.scheduler.waitingForRoom == 0 }
      lease.release()
      try await fixture.lease(a).release()
      #expect(a.starts.count == 1)
      #expect(b.starts.isEmpty)
    }
  }

  @Test func `Requests for one model that need room together are all served`() async throws {
    try await withScheduler(maximumRunners: 1) { fixture in
      // Ending the old engine takes a while, in which the other requests come.
      let old = try fixture.model("old", "slow-term")
      let new = try fixture.model("new")
      try await fixture.lease(old).release()
      let requests = (0..<5).map { _ in Task { try await fixture.lease(new) } }
      for request in requests { _ = try await request.value }
      #expect(new.starts.count == 1)
      #expect(old.running.isEmpty)
    }
  }

  @Test func `An engine is started when the one that makes room has ended`() async throws {
    try await withScheduler(maximumRunners: 1) { fixture in
      let (old, a, b) = (try fixture.model("old", "slow-term"), try fixture.model("a"), try fixture.model("b"))
      try await fixture.lease(old).release()
      let first = Task { try await fixture.lease(a).release() }
      let second = Task { try await fixture.lease(b).release() }
      try await eventually("one of them is started") { !a.starts.isEmpty || !b.starts.isEmpty }
      #expect(old.running.isEmpty)
      _ = await first.result
      _ = await second.result
      #expect(a.running.count + b.running.count == 1)
    }
  }

  @Test func `A removed model's idle engine ends at once, and no other`() async throws {
    try await withScheduler { fixture in
      let (a, b) = (try fixture.model("a"), try fixture.model("b"))
      try await fixture.lease(a).release()
      try await fixture.lease(b).release()
      await fixture.scheduler.retire(a.requested.id)
      #expect(a.running.isEmpty)
      #expect(b.running.count == 1)
    }
  }

  @Test func `A removed model's busy engine takes nothing new and ends with its last answer`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a")
      let lease = try await fixture.lease(model)
      await fixture.scheduler.retire(model.requested.id)
      try await eventually("it is hidden") {
        fixture.scheduler.board.take(name: "a", mode: .completion) == nil
      }
      #expect(model.running.count == 1)
      lease.release()
      try await eventually("it has ended") { model.running.isEmpty }
    }
  }
}

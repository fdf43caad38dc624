// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelTestSupport
import Testing

@testable import PetrelScheduling

/// How many requests an engine is given at a time.
@Suite(.timeLimit(.minutes(10))) struct ConcurrencyTests {
  private func limit(_ count: Int?) -> SettingsChange {
    var change = SettingsChange()
    change.maximumConcurrency = count.map(Change.set) ?? .clear
    return change
  }

  private func row(_ fixture: SchedulerFixture) -> RunnerBoard.Row? { fixture.scheduler.board.rows().first }

  @Test func `A limit holds where the engine could take more, and changes without a new engine`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a")
      try await fixture.scheduler.configure(model.key, limit(2))
      var leases = [try await fixture.lease(model), try await fixture.lease(model)]
      let waiting = (0..<3).map { _ in Task { try await fixture.lease(model) } }
      try await eventually("three wait") { row(fixture)?.waiting == 3 }
      #expect(fixture.scheduler.board.take(name: "a", mode: .completion) == nil)
      // Raised: two of those that wait get their places at once.
      try await fixture.scheduler.configure(model.key, limit(4))
      try await eventually("one waits") { row(fixture)?.waiting == 1 }
      #expect(row(fixture)?.taken == 4)
      // Lowered: nobody loses a place, and nobody gets one before there are few enough.
      try await fixture.scheduler.configure(model.key, limit(1))
      leases.removeAll()
      #expect(row(fixture)?.taken == 2 && row(fixture)?.waiting == 1)
      // Taken away: everybody has room.
      try await fixture.scheduler.configure(model.key, limit(nil))
      for request in waiting { leases.append(try await request.value) }
      #expect(row(fixture)?.taken == 3 && row(fixture)?.waiting == 0)
      #expect(model.starts.count == 1)
    }
  }

  @Test func `Those who waited for a load are not turned away when the engine has few places`() async throws {
    let limits = SchedulingLimits(maximumRunners: 1, maximumQueue: 1)
    try await withScheduler(limits: limits) { fixture in
      let model = try fixture.model("a", "gate")
      try await fixture.scheduler.configure(model.key, limit(1))
      let requests = (0..<6).map { _ in Task { try await fixture.lease(model).release() } }
      try await eventually("all wait") { await fixture.scheduler.loads[model.key]?.waiters.count == 6 }
      try model.openGate()
      for request in requests { try await request.value }
    }
  }

  @Test(arguments: [0, 257, -2]) func `A limit that can't be is refused`(count: Int) async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a")
      await #expect(throws: EngineError.self) {
        try await fixture.scheduler.configure(model.key, limit(count))
      }
    }
  }
}

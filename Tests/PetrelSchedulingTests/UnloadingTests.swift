// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelTestSupport
import Testing

@testable import PetrelScheduling

@Suite(.timeLimit(.minutes(10))) struct UnloadingTests {
  @Test func `A model that is being loaded may leave memory with its last answer, too`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a", "gate")
      let request = Task { try await fixture.lease(model) }
      try await eventually("the load has begun") { model.starts.count == 1 }
      #expect(await fixture.scheduler.unload(busyOnesToo: true) { _, _ in true }.inUse == ["a"])
      try model.openGate()
      let lease = try await request.value
      #expect(model.running.count == 1)
      #expect(fixture.scheduler.board.take(name: "a", mode: .completion) == nil, "it takes nothing new")
      lease.release()
      try await eventually("it has ended") { model.running.isEmpty }
    }
  }

  @Test func `A load that begins anew for other settings still leaves memory`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a", "gate")
      let request = Task { try await fixture.lease(model) }
      try await eventually("the load has begun") { model.starts.count == 1 }
      _ = await fixture.scheduler.unload(busyOnesToo: true) { _, _ in true }
      var change = SettingsChange()
      change.contextSize = .set(1024)
      try await fixture.scheduler.configure(model.key, change)
      try model.openGate()
      let lease = try await request.value
      #expect(model.starts.count == 2)
      lease.release()
      try await eventually("both have ended") { model.running.isEmpty }
    }
  }

  @Test func `More requests than the engine has places are served before it leaves memory`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a", "gate")
      var change = SettingsChange()
      change.parallel = .set(1)
      try await fixture.scheduler.configure(model.key, change)
      try await withThrowingTaskGroup(of: RunnerLease.self) { requests in
        for _ in 0..<4 { requests.addTask { try await fixture.lease(model) } }
        try await eventually("all wait") { await fixture.scheduler.loads[model.key]?.waiters.count == 4 }
        _ = await fixture.scheduler.unload(busyOnesToo: true) { _, _ in true }
        try model.openGate()
        let first = try await requests.next()
        try await eventually("the others wait") { fixture.scheduler.board.rows().first?.waiting == 3 }
        first?.release()
        while let lease = try await requests.next() { lease.release() }
      }
      #expect(model.starts.count == 1)
      try await eventually("it has ended") { model.running.isEmpty }
    }
  }
}

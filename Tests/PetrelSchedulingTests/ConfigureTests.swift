// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelTestSupport
import Testing

@testable import PetrelScheduling

@Suite(.timeLimit(.minutes(10))) struct ConfigureTests {
  private func context(_ size: Int?) -> SettingsChange {
    var change = SettingsChange()
    change.contextSize = size.map(Change.set) ?? .clear
    return change
  }

  private func keepAlive(_ value: KeepAlive) -> SettingsChange {
    var change = SettingsChange()
    change.keepAlive = .set(value)
    return change
  }

  private func contexts(_ model: FakeModel) -> [String] {
    model.commandLines.map { line in
      line.firstMatch(of: /--ctx-size ([0-9]+)/).map { String($0.1) } ?? "default"
    }
  }

  @Test func `What is set holds for the next load, and the board shows what the engine reports`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a")
      try await fixture.scheduler.configure(model.key, context(2048))
      try await fixture.lease(model).release()
      #expect(contexts(model) == ["2048"])
      #expect(fixture.scheduler.board.rows().first?.facts.properties == EngineProperties(contextSize: 2048, slots: 64))
    }
  }

  @Test func `An idle engine is replaced after a change, and kept when nothing changes`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a")
      try await fixture.lease(model).release()
      try await fixture.scheduler.configure(model.key, context(1024))
      try await fixture.lease(model).release()
      try await fixture.scheduler.configure(model.key, context(1024))
      try await fixture.lease(model).release()
      #expect(contexts(model) == ["default", "1024"])
      try await fixture.scheduler.configure(model.key, context(nil))
      try await fixture.lease(model).release()
      #expect(contexts(model) == ["default", "1024", "default"])
      try await eventually("one engine is left") { model.running.count == 1 }
    }
  }

  @Test func `A busy engine finishes its answer, and the next request gets the new settings`() async throws {
    try await withScheduler(maximumRunners: 1) { fixture in
      let model = try fixture.model("a")
      let running = try await fixture.lease(model)
      try await fixture.scheduler.configure(model.key, context(1024))
      #expect(model.running.count == 1)
      #expect(fixture.scheduler.board.rows().first?.isDraining == true)
      #expect(fixture.scheduler.board.take(name: "a", mode: .completion) == nil)
      let next = Task { try await fixture.lease(model) }
      try await eventually("the new load waits") { await fixture.scheduler.loading().count == 1 }
      #expect(contexts(model) == ["default"])
      running.release()
      let lease = try await next.value
      #expect(lease.runner != running.runner)
      #expect(contexts(model) == ["default", "1024"])
      try await eventually("the old engine has ended") { model.running.count == 1 }
    }
  }

  @Test func `A change during a load holds for those who wait`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a", "gate")
      let requests = (0..<3).map { _ in Task { try await fixture.lease(model) } }
      try await eventually("the load has begun") { model.starts.count == 1 }
      try await fixture.scheduler.configure(model.key, context(512))
      try model.openGate()
      for request in requests { _ = try await request.value }
      #expect(contexts(model) == ["default", "512"])
      try await eventually("one engine is left") { model.running.count == 1 }
    }
  }

  @Test func `Only the time to stay changes in place`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a")
      try await fixture.lease(model).release()
      try await fixture.scheduler.configure(model.key, keepAlive(.forever))
      #expect(fixture.scheduler.board.rows().first?.keepAlive == .forever)
      try await fixture.scheduler.configure(model.key, keepAlive(.after(.zero)))
      try await eventually("it has ended") { model.running.isEmpty }
      #expect(model.starts.count == 1)
    }
  }

  @Test func `Settings of completion replace the engines of other modes too`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a")
      try await fixture.lease(model, mode: .embedding).release()
      try await fixture.scheduler.configure(model.key, context(768))
      try await fixture.lease(model, mode: .embedding).release()
      #expect(contexts(model) == ["default", "768"])
    }
  }

  @Test func `An engine with another context than asked for is a load that failed`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a", "context:4096")
      try await fixture.scheduler.configure(model.key, context(8192))
      let error = await #expect(throws: SchedulingError.self) { try await fixture.lease(model) }
      #expect(error?.message.contains("asked for a context of 8192 tokens, but the engine reports 4096") == true)
      #expect(model.running.isEmpty)
    }
  }

  @Test func `A refused change leaves engines and settings alone`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a")
      try await fixture.lease(model).release()
      var change = context(1024)
      change.runtimeFlags = .set(["--log-file", "x"])
      await #expect(throws: EngineError.self) { try await fixture.scheduler.configure(model.key, change) }
      #expect(fixture.scheduler.settings.all.isEmpty)
      try await fixture.lease(model).release()
      #expect(model.starts.count == 1)
    }
  }

  @Test func `A removed model takes its settings with it`() async throws {
    try await withScheduler { fixture in
      let (a, b) = (try fixture.model("a"), try fixture.model("b"))
      try await fixture.scheduler.configure(a.key, context(512))
      try await fixture.scheduler.configure(b.key, context(512))
      await fixture.scheduler.retire(a.requested.id)
      #expect(fixture.scheduler.settings.all.map(\.key) == [b.key])
      await fixture.scheduler.retireAll()
      #expect(fixture.scheduler.settings.all.isEmpty)
    }
  }

  @Test func `The draft model's weights go to the engine`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a")
      var change = SettingsChange()
      change.speculative = .set(.init(draftModel: "small", tokenCount: 4))
      try await fixture.scheduler.configure(model.key, change)
      try await fixture.lease(model).release()
      #expect(model.commandLines.first?.contains("--model-draft \(fixture.folder)/small.gguf") == true)
      #expect(model.commandLines.first?.contains("--spec-draft-n-max 4") == true)
    }
  }

  // MARK: What one request asks for

  @Test func `A request's own context is stronger than what was set, for this request`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a")
      try await fixture.scheduler.configure(model.key, context(2048))
      var special = model.requested
      special.options.contextSize = 512
      try await fixture.scheduler.lease(for: special, mode: .completion).release()
      #expect(fixture.scheduler.board.take(name: "a", mode: .completion) == nil)
      try await fixture.lease(model).release()
      #expect(contexts(model) == ["512", "2048"])
      // The name is learnt from a request that finds the engine there.
      try await fixture.lease(model).release()
      #expect(fixture.scheduler.board.take(name: "a", mode: .completion) != nil)
    }
  }

  @Test func `A request says how long the model stays`() async throws {
    try await withScheduler(idleTimeout: nil) { fixture in
      let model = try fixture.model("a")
      try await fixture.lease(model).release()
      // The name is learnt from a request that finds the engine there.
      try await fixture.lease(model).release()
      let lease = try #require(
        fixture.scheduler.board.take(name: "a", mode: .completion, keepAlive: .after(.zero)))
      #expect(model.running.count == 1)
      lease.release()
      try await eventually("it has ended") { model.running.isEmpty }
      var pinned = model.requested
      pinned.options.keepAlive = .forever
      try await fixture.scheduler.lease(for: pinned, mode: .completion).release()
      #expect(fixture.scheduler.board.rows().first?.keepAlive == .forever)
    }
  }

  @Test func `A model that is to stay for ever makes no room for another`() async throws {
    try await withScheduler(idleTimeout: nil, maximumRunners: 2) { fixture in
      let (pinned, other, third) = (try fixture.model("a"), try fixture.model("b"), try fixture.model("c"))
      try await fixture.scheduler.configure(pinned.key, keepAlive(.forever))
      try await fixture.lease(pinned).release()
      try await fixture.lease(other).release()
      try await fixture.lease(third).release()
      #expect(pinned.running.count == 1)
      try await eventually("the other one made room") { other.running.isEmpty }
      try await fixture.scheduler.configure(third.key, keepAlive(.forever))
      let error = await #expect(throws: SchedulingError.self) { try await fixture.lease(other) }
      #expect(error?.code == .overloaded)
      #expect(error?.message.contains("petrel unload") == true)
    }
  }

  @Test func `Unloading ends idle engines, pinned ones too, and leaves busy ones and settings`() async throws {
    try await withScheduler { fixture in
      let (idle, busy) = (try fixture.model("idle"), try fixture.model("busy"))
      try await fixture.scheduler.configure(idle.key, keepAlive(.forever))
      try await fixture.lease(idle).release()
      let lease = try await fixture.lease(busy)
      let result = await fixture.scheduler.unload { _, _ in true }
      #expect(result == Scheduler.Unloading(count: 1, inUse: ["busy"]))
      #expect(idle.running.isEmpty)
      #expect(busy.running.count == 1)
      #expect(fixture.scheduler.settings.all.map(\.key) == [idle.key])
      lease.release()
      #expect(await fixture.scheduler.unload { _, name in name == "idle" }.count == 0)
      #expect(await fixture.scheduler.unload { _, name in name == "busy" }.count == 1)
      #expect(busy.running.isEmpty)
    }
  }
}

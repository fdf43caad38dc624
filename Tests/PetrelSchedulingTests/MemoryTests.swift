// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelMemory
import PetrelProcess
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelScheduling

/// Engines of a machine whose memory the test says.
@Suite(.timeLimit(.minutes(10))) struct MemoryTests {
  /// Every engine takes 100 MiB; as much as is left of `total` is free.
  private static func gauge(total: Int64, limit: ByteCount? = nil) -> MemoryGauge {
    MemoryGauge(
      system: { SystemMemory(total: total << 20, available: total << 20) },
      process: { _ in ProcessMemory(anonymous: 0, files: 100 << 20) }, limit: limit)
  }

  /// 90 MiB of weights; with all that an engine needs beside them 123.6 MiB for one slot and 4 MiB for each more.
  private static let shape = ModelShape(
    weights: .mebibytes(90), layers: [.init(keys: 64, values: 64, state: 4 << 20)], width: 64, activations: 64,
    heads: 1,
    vocabulary: 0, trainedContext: 4096)

  private func model(_ name: String, _ fixture: SchedulerFixture, plan: String = "") throws -> FakeModel {
    var model = try fixture.model(name, plan)
    model.shape = Self.shape
    return model
  }

  @Test func `What fits is started, and for what does not the least recently used is ended`() async throws {
    // The reserve is a sixteenth.
    try await withScheduler(memory: Self.gauge(total: 330)) { fixture in
      let (a, b, c) = (try model("a", fixture), try model("b", fixture), try model("c", fixture))
      try await fixture.lease(a).release()
      try await fixture.lease(b).release()
      try await fixture.lease(a).release()
      #expect(a.running.count == 1 && b.running.count == 1)
      try await fixture.lease(c).release()
      #expect(b.running.isEmpty)
      #expect(a.running.count == 1 && c.running.count == 1)
      #expect(await fixture.scheduler.evictions == 1)
    }
  }

  @Test func `A model waits for the memory of a busy one`() async throws {
    try await withScheduler(memory: Self.gauge(total: 230)) { fixture in
      let (a, b) = (try model("a", fixture), try model("b", fixture))
      let lease = try await fixture.lease(a)
      let request = Task { try await fixture.lease(b) }
      try await eventually("it waits") { await fixture.scheduler.waitingForRoom == 1 }
      #expect(try await fixture.scheduler.fit(b.requested, mode: .completion).verdict == .waits)
      #expect(b.starts.isEmpty && a.running.count == 1)
      lease.release()
      try await request.value.release()
      #expect(a.running.isEmpty)
    }
  }

  @Test func `A model that is being loaded does not stand in its own way`() async throws {
    try await withScheduler(memory: Self.gauge(total: 230)) { fixture in
      let model = try model("a", fixture, plan: "gate")
      let request = Task { try await fixture.lease(model) }
      try await eventually("its engine starts") { !model.starts.isEmpty }
      let fit = try await fixture.scheduler.fit(model.requested, mode: .completion)
      #expect(fit.verdict == .loading)
      #expect(fit.free?.promised == .zero)
      try model.openGate()
      try await request.value.release()
    }
  }

  @Test func `What can never fit is refused at once, with numbers and with what would fit`() async throws {
    try await withScheduler(memory: Self.gauge(total: 130)) { fixture in
      let model = try model("a", fixture)
      let error = await #expect(throws: SchedulingError.self) { try await fixture.lease(model) }
      #expect(error?.code == .insufficientMemory)
      #expect(
        error?.message.contains("not enough memory for a. The model needs about 123.6 MiB") == true,
        "\(error?.message ?? "")")
      #expect(error?.message.contains("121.9 MiB are free for it") == true, "\(error?.message ?? "")")
      #expect(error?.message.contains("It would fit with `--context-size ") == true, "\(error?.message ?? "")")
      #expect(error?.retryAfter != nil)
      #expect(model.starts.isEmpty)
      let fit = try await fixture.scheduler.fit(model.requested, mode: .completion)
      #expect(fit.verdict == .tooLarge)
    }
  }

  @Test func `With little memory the engine gets fewer slots, and a small cache for old prompts`() async throws {
    try await withScheduler(memory: Self.gauge(total: 140)) { fixture in
      let model = try model("a", fixture)
      let fit = try await fixture.scheduler.fit(model.requested, mode: .completion)
      #expect(fit.verdict == .fits)
      #expect(fit.demand.memory.slots == 2)
      try await fixture.lease(model).release()
      let line = try #require(model.commandLines.first)
      #expect(line.contains("--parallel 2 --kv-unified"), "\(line)")
      #expect(line.contains("--cache-ram "), "\(line)")
    }
  }

  @Test func `A limit holds for all engines together`() async throws {
    try await withScheduler(memory: Self.gauge(total: 16_000, limit: .mebibytes(200))) { fixture in
      let (a, b) = (try model("a", fixture), try model("b", fixture))
      try await fixture.lease(a).release()
      #expect(try await fixture.scheduler.fit(b.requested, mode: .completion).verdict == .fitsAfterEviction)
      try await fixture.lease(b).release()
      #expect(a.running.isEmpty)
    }
  }

  @Test func `What an engine takes replaces what it was expected to take`() async throws {
    try await withScheduler(memory: Self.gauge(total: 1000)) { fixture in
      let model = try model("a", fixture)
      try await fixture.lease(model).release()
      let memory = try #require(await fixture.scheduler.memoryOfRunners().values.first)
      #expect(memory.measured == .mebibytes(100))
      #expect(memory.estimate.map { $0 > .mebibytes(110) } == true)
      let fit = try await fixture.scheduler.fit(model.requested, mode: .completion)
      #expect(fit.verdict == .loaded)
      #expect(fit.measured == .mebibytes(100))
    }
  }

  @Test func `An engine that is killed while it loads is started once more, after idle ones have ended`() async throws {
    try await withScheduler(memory: Self.gauge(total: 1000)) { fixture in
      let (a, b) = (try model("a", fixture), try model("b", fixture, plan: "kill-first:1"))
      try await fixture.lease(a).release()
      try await fixture.lease(b).release()
      #expect(a.running.isEmpty)
      #expect(b.starts.count == 2)
      #expect(b.commandLines.last?.contains("--parallel 1") == true)
      // What is said of it is what it was started with the second time.
      let estimate = try #require(await fixture.scheduler.memoryOfRunners().values.first?.estimate)
      #expect(estimate > .mebibytes(123) && estimate < .mebibytes(124))
      #expect(try await fixture.scheduler.fit(b.requested, mode: .completion).demand.memory.sharesCache)
    }
  }

  @Test func `An engine that is killed twice is reported as such`() async throws {
    try await withScheduler(memory: Self.gauge(total: 1000)) { fixture in
      let model = try model("a", fixture, plan: "kill-first:9")
      let error = await #expect(throws: SchedulingError.self) { try await fixture.lease(model) }
      #expect(error?.code == .loadFailed)
      #expect(error?.message.contains("memory") == true, "\(error?.message ?? "")")
      #expect(model.starts.count == 2)
    }
  }

  @Test func `A drafting model counts, and its files are held as long as the load goes on`() async throws {
    try await withScheduler(memory: Self.gauge(total: 1000)) { fixture in
      let model = try model("a", fixture, plan: "gate")
      _ = try fixture.model("small")
      let holds = Tally()
      var requested = model.requested
      requested = RequestedModel(id: requested.id, name: "a", prepare: requested.prepare) {
        [folder = fixture.folder] _ in
        DraftModel(gguf: folder.appending("small.gguf"), shape: Self.shape, hold: Hold(holds))
      }
      var change = SettingsChange()
      change.speculative = .set(.init(draftModel: "small"))
      try await fixture.scheduler.configure(model.key, change)
      let request = Task { [requested] in try await fixture.scheduler.lease(for: requested, mode: .completion) }
      try await eventually("the engine loads") { model.starts.count == 1 }
      #expect(holds.value == 0)
      try model.openGate()
      try await request.value.release()
      try await eventually("the files are let go") { holds.value == 1 }
      let estimate = try #require(await fixture.scheduler.memoryOfRunners().values.first?.estimate)
      #expect(estimate > .mebibytes(200))
    }
  }
}

/// Counts when it is let go.
private final class Hold: Sendable {
  private let tally: Tally

  init(_ tally: Tally) { self.tally = tally }

  deinit { tally.add() }
}

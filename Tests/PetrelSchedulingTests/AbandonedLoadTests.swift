// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelMemory
import PetrelProcess
import PetrelScheduling
import PetrelTestSupport
import Testing

/// Loads that end although their engines run already. Each of these takes a while to end.
@Suite(.timeLimit(.minutes(10))) struct AbandonedLoadTests {
  /// An engine for this needs 123.6 MiB with one slot.
  private static let shape = ModelShape(
    weights: .mebibytes(90), layers: [.init(keys: 64, values: 64, state: 4 << 20)], width: 64, activations: 64,
    heads: 1, vocabulary: 0, trainedContext: 4096)

  /// A load whose engine runs, and for which nobody waits any more.
  private func deserted(_ model: FakeModel, _ fixture: SchedulerFixture) async throws {
    let request = Task { try await fixture.lease(model) }
    try await eventually("the load has begun") { model.starts.count == 1 }
    request.cancel()
    await #expect(throws: CancellationError.self) { _ = try await request.value }
  }

  @Test func `Another model gets the memory of a load that was given up when its engine has ended`() async throws {
    let gauge = MemoryGauge(
      system: { SystemMemory(total: 230 << 20, available: 230 << 20) },
      process: { _ in ProcessMemory(anonymous: 0, files: 100 << 20) })
    try await withScheduler(memory: gauge) { fixture in
      var (a, b) = (try fixture.model("a", "gate slow-term"), try fixture.model("b"))
      (a.shape, b.shape) = (Self.shape, Self.shape)
      try await deserted(a, fixture)
      let unloading = Task { await fixture.scheduler.unload { _, _ in true } }
      try await eventually("it is given up") { await fixture.scheduler.loading().isEmpty }
      let lease = try await fixture.lease(b)
      #expect(a.running.isEmpty)
      lease.release()
      #expect(await unloading.value.count == 1)
    }
  }

  @Test func `A removed model's load has ended when it is said to be`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a", "gate slow-term")
      try await deserted(model, fixture)
      await fixture.scheduler.retire(model.requested.id)
      #expect(model.running.isEmpty)
    }
  }
}

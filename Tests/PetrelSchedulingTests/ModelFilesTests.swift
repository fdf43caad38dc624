// SPDX-License-Identifier: Apache-2.0

import PetrelEngines
import PetrelScheduling
import PetrelTestSupport
import Testing

/// What the scheduler has to do with the files of models: they stay while they are opened, they are asked when a load
/// fails, and the engines of a removed model go.
@Suite(.timeLimit(.minutes(10))) struct ModelFilesTests {
  private final class Hold: Sendable {
    let released: Flag
    init(_ released: Flag) { self.released = released }
    deinit { released.set() }
  }

  @Test func `A model's files are held until its load has ended`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a", "gate")
      let released = Flag()
      let request = Task {
        var requested = model.requested
        requested.hold = Hold(released)
        return try await fixture.scheduler.lease(for: requested, mode: .completion)
      }
      try await eventually("the load has begun") { model.starts.count == 1 }
      request.cancel()
      await #expect(throws: CancellationError.self) { try await request.value }
      #expect(!released.isSet)
      try model.openGate()
      try await released.wait("the hold's end")
      #expect(fixture.scheduler.board.rows().count == 1)
    }
  }

  @Test func `A failed load says what is wrong with the files`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a", "exit:1:error: tensor out of bounds")
      var requested = model.requested
      requested.explainFailure = { "the file is damaged" }
      let damaged = requested
      let error = await #expect(throws: SchedulingError.self) {
        try await fixture.scheduler.lease(for: damaged, mode: .completion)
      }
      #expect(error?.message.hasPrefix("unable to load runner: the file is damaged\n") == true)
      #expect(error?.message.contains("tensor out of bounds") == true)
    }
  }

  @Test func `A model that is removed while it loads is unloaded afterwards`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a", "gate")
      let request = Task { try await fixture.lease(model) }
      try await eventually("the load has begun") { model.starts.count == 1 }
      #expect(await fixture.scheduler.isInUse(model.requested.id))
      await fixture.scheduler.retire(model.requested.id)
      try model.openGate()
      // Who waited for it is served first.
      try await request.value.release()
      try await eventually("the engine has ended") { model.running.isEmpty }
      #expect(fixture.scheduler.board.rows().isEmpty)
      #expect(await !fixture.scheduler.isInUse(model.requested.id))
    }
  }
}

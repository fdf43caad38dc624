// SPDX-License-Identifier: Apache-2.0

import PetrelEngines
import PetrelScheduling
import PetrelTestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct SchedulerTests {
  @Test func `However many ask for a model, it is loaded once`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a", "gate")
      let requests = (0..<20).map { _ in Task { try await fixture.lease(model) } }
      try await eventually("the load has begun") { model.starts.count == 1 }
      #expect(await fixture.scheduler.loading().map(\.name) == ["a"])
      try model.openGate()
      var runners: Set<UInt64> = []
      for request in requests { runners.insert(try await request.value.runner) }
      #expect(runners.count == 1)
      #expect(model.starts.count == 1)
      #expect(await fixture.scheduler.loading().isEmpty)
      #expect(fixture.scheduler.board.rows().map(\.name) == ["a"])
    }
  }

  @Test func `Each mode has an engine of its own`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a")
      let completion = try await fixture.lease(model)
      let embedding = try await fixture.lease(model, mode: .embedding)
      #expect(completion.runner != embedding.runner)
      #expect(completion.socket != embedding.socket)
      #expect(model.running.count == 2)
    }
  }

  @Test func `A failed load tells everybody why, and the next request tries again`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a", "exit:3:error: unknown model architecture: 'future'")
      let requests = (0..<5).map { _ in Task { try await fixture.lease(model) } }
      for request in requests {
        let error = await #expect(throws: SchedulingError.self) { try await request.value }
        #expect(error?.code == .loadFailed)
        #expect(error?.message.hasPrefix("unable to load runner: llama.cpp terminated unexpectedly: ") == true)
        #expect(error?.message.contains("does not know the model's architecture") == true)
        #expect(error?.message.contains("exit status 3") == true)
        #expect(error?.message.contains("error: unknown model architecture: 'future'") == true)
      }
      #expect(fixture.scheduler.board.rows().isEmpty)
      #expect(fixture.runFiles == [".keep"])
      try model.path.write("")
      _ = try await fixture.lease(model)
    }
  }

  @Test func `An engine that hangs is given up at the load timeout`() async throws {
    try await withScheduler(loadTimeout: .milliseconds(300)) { fixture in
      let model = try fixture.model("a", "never-listen")
      let error = await #expect(throws: SchedulingError.self) { try await fixture.lease(model) }
      #expect(error?.code == .loadFailed)
      #expect(error?.message.contains("took too long to initialize") == true)
      #expect(model.running.isEmpty)
      #expect(fixture.runFiles == [".keep"])
    }
  }

  @Test func `A request that gives up leaves at once, and the load goes on`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a", "gate")
      let leaving = Task { try await fixture.lease(model) }
      try await eventually("the load has begun") { model.starts.count == 1 }
      leaving.cancel()
      await #expect(throws: CancellationError.self) { try await leaving.value }
      #expect(await fixture.scheduler.loading().count == 1)
      try model.openGate()
      try await eventually("the model is ready") { fixture.scheduler.board.rows().count == 1 }
      _ = try await fixture.lease(model)
      #expect(model.starts.count == 1)
    }
  }

  @Test func `An engine that dies leaves the board, says why, and is loaded anew`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a")
      let lease = try await fixture.lease(model)
      killProcess(try #require(model.starts.first))
      let reason = await fixture.scheduler.reasonForEnd(of: lease.runner)
      #expect(reason.contains("SIGKILL"))
      try await eventually("the board is empty") { fixture.scheduler.board.rows().isEmpty }
      lease.release()
      let next = try await fixture.lease(model)
      #expect(next.runner != lease.runner)
      #expect(model.starts.count == 2)
    }
  }

  @Test func `An engine that does not answer any more is ended, and its requests are told why`() async throws {
    let limits = SchedulingLimits(maximumRunners: 2, healthInterval: .milliseconds(20))
    try await withScheduler(limits: limits) { fixture in
      let model = try fixture.model("a", "mute")
      let lease = try await fixture.lease(model)
      try model.silence()
      try await eventually("it has been ended") { model.running.isEmpty }
      #expect(await fixture.scheduler.reasonForEnd(of: lease.runner).contains("did not answer any more"))
      lease.release()
    }
  }

  @Test func `Nothing is loaded after the end`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a")
      await fixture.scheduler.shutDown()
      let error = await #expect(throws: SchedulingError.self) { try await fixture.lease(model) }
      #expect(error?.code == .shuttingDown)
      #expect(model.starts.isEmpty)
    }
  }

  @Test func `Shutting down ends ready engines and running loads`() async throws {
    try await withScheduler { fixture in
      let ready = try fixture.model("ready")
      let loading = try fixture.model("loading", "gate")
      let lease = try await fixture.lease(ready)
      let waiting = Task { try await fixture.lease(loading) }
      try await eventually("the load has begun") { loading.starts.count == 1 }
      await fixture.scheduler.shutDown()
      #expect(ready.running.isEmpty)
      #expect(loading.running.isEmpty)
      #expect(fixture.runFiles == [".keep"])
      let error = await #expect(throws: SchedulingError.self) { try await waiting.value }
      #expect(error?.code == .shuttingDown)
      lease.release()
    }
  }
}

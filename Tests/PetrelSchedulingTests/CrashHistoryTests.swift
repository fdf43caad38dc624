// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelOCI
import PetrelTestSupport
import Testing

@testable import PetrelScheduling

@Suite(.timeLimit(.minutes(10))) struct CrashHistoryTests {
  private let start = ContinuousClock.now
  private let key = RunnerKey(model: Digest(of: Array("model".utf8)), mode: .completion)

  @Test func `After several failures in a row there is a pause, which grows up to a bound`() {
    var history = CrashHistory()
    var now = start
    for _ in 1..<CrashHistory.tolerated {
      history.note(key, "it crashed", .crashed, now: now)
      #expect(history.refusal(key, now: now) == nil)
    }
    for pause in [5, 10, 20, 40, 60, 60] {
      history.note(key, "it crashed", .crashed, now: now)
      let refusal = history.refusal(key, now: now)
      #expect(refusal?.wait == .seconds(pause))
      #expect(refusal?.summary == "it crashed" && refusal?.kind == .crashed)
      now += .seconds(pause)
      #expect(history.refusal(key, now: now) == nil, "it may be tried again")
    }
  }

  @Test func `Failures that are far apart, and those of other models, do not count`() {
    var history = CrashHistory()
    for number in 0..<20 {
      history.note(key, "x", nil, now: start + .seconds(61 * number))
      #expect(history.refusal(key, now: start + .seconds(61 * number)) == nil)
    }
    let other = RunnerKey(model: key.model, mode: .embedding)
    for _ in 0..<CrashHistory.tolerated { history.note(other, "x", nil, now: start) }
    #expect(history.refusal(key, now: start) == nil)
    #expect(history.refusal(other, now: start) != nil)
    history.forget { $0.mode == .embedding }
    #expect(history.refusal(other, now: start) == nil)
  }

  @Test func `An engine that always fails is not started at each request, until something has changed`() async throws {
    try await withScheduler { fixture in
      let model = try fixture.model("a", "exit:1:error: unknown model architecture: 'future'")
      for _ in 0..<CrashHistory.tolerated {
        await #expect(throws: SchedulingError.self) { try await fixture.lease(model) }
      }
      let error = await #expect(throws: SchedulingError.self) { try await fixture.lease(model) }
      #expect(model.starts.count == CrashHistory.tolerated)
      #expect(error?.code == .paused && error?.reason == .unsupportedModel)
      #expect(error?.message.contains("has failed 5 times lately") == true, "\(error?.message ?? "")")
      #expect(error?.message.contains("does not know the model's architecture") == true)
      #expect(error?.retryAfter != nil)
      try await fixture.lease(try fixture.model("b")).release()
      try model.path.write("")
      var change = SettingsChange()
      change.contextSize = .set(1024)
      try await fixture.scheduler.configure(model.key, change)
      try await fixture.lease(model).release()
    }
  }

  @Test func `An engine that was unloaded without having failed, or installed anew, begins anew`() async throws {
    try await withScheduler { fixture in
      let (failing, model) = ("exit:1:error: out of luck", try fixture.model("a"))
      func fail(_ times: Int) async throws {
        try model.path.write(failing)
        for _ in 0..<times { await #expect(throws: SchedulingError.self) { try await fixture.lease(model) } }
      }
      try await fail(CrashHistory.tolerated - 1)
      try model.path.write("")
      try await fixture.lease(model).release()
      #expect(await fixture.scheduler.unload { _, _ in true }.count == 1)
      try await fail(CrashHistory.tolerated)
      #expect(model.starts.count == 2 * CrashHistory.tolerated, "no pause before the last one")
      await fixture.scheduler.forgetFailures()
      try model.path.write("")
      try await fixture.lease(model).release()
    }
  }

  @Test func `Unloading may have busy engines end with their last answer`() async throws {
    try await withScheduler { fixture in
      let (busy, idle) = (try fixture.model("a"), try fixture.model("b"))
      let lease = try await fixture.lease(busy)
      try await fixture.lease(idle).release()
      let unloading = await fixture.scheduler.unload(busyOnesToo: true) { _, _ in true }
      #expect(unloading.count == 1 && unloading.inUse == ["a"])
      #expect(idle.running.isEmpty && busy.running.count == 1)
      #expect(fixture.scheduler.board.take(name: "a", mode: .completion) == nil, "it takes nothing new")
      lease.release()
      try await eventually("it has ended") { busy.running.isEmpty }
    }
  }
}

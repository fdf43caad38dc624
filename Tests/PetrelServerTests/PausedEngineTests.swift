// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelScheduling
import Testing

@testable import PetrelServer

@Suite struct PausedEngineTests {
  @Test func `An engine that is not started for a while is unavailable, and one that fails is an error`() {
    let paused = ErrorMapping.openAI(SchedulingError(.paused, "later", retryAfter: .seconds(7)))
    #expect(paused?.status == .serviceUnavailable)
    #expect(paused?.code == "engine_failed")
    #expect(paused?.retryAfterSeconds == 7)
    let failed = ErrorMapping.openAI(SchedulingError(.loadFailed, "broken"))
    #expect(failed?.status == .internalServerError)
    #expect(failed?.retryAfterSeconds == nil)
  }
}

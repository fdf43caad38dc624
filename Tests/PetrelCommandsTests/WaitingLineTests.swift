// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import Testing

@testable import PetrelCommands

@Suite struct WaitingLineTests {
  private static let text = "Waiting for m, which is loading or busy ..."

  @Test(.timeLimit(.minutes(10))) func `A terminal shows what is waited for until something comes`() async throws {
    let fixture = try CommandFixture()
    try await WaitingLine.during("m", fixture.context(isTerminal: true)) { line in
      // The fixture's clock does not wait.
      while fixture.errors.isEmpty { await Task.yield() }
      #expect(fixture.errors == Self.text)
      line.erase()
      #expect(fixture.errors == Self.text + "\r\u{1B}[K")
      line.erase()
    }
    #expect(fixture.errors == Self.text + "\r\u{1B}[K")
  }

  @Test func `What comes first keeps the line away, and so does an error`() async throws {
    let fixture = try CommandFixture()
    var context = fixture.context(isTerminal: true)
    context.clock.sleep = { _ in try await Task.sleep(for: .seconds(600)) }
    let waiting = context
    try await WaitingLine.during("m", waiting) { $0.erase() }
    await #expect(throws: CancellationError.self) {
      try await WaitingLine.during("m", waiting) { _ in throw CancellationError() }
    }
    #expect(fixture.errors.isEmpty)
  }

  @Test func `Nothing is shown where no terminal is`() async throws {
    let fixture = try CommandFixture()
    try await WaitingLine.during("m", fixture.context()) { _ in }
    #expect(fixture.errors.isEmpty && fixture.slept.isEmpty)
  }
}

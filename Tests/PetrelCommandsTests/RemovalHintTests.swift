// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import Testing

@testable import PetrelCommands

@Suite struct RemovalHintTests {
  @Test func `An ID with several tags is refused with the way to remove it`() async throws {
    let fixture = try CommandFixture()
    let text = #"error while deleting model: unable to delete "ab" (must be forced) due to multiple tag references"#
    try await StubDaemon.serving({ _ in .init(409, chunks: [text]) }) { stub in
      let context = fixture.context(environment: ["MODEL_RUNNER_HOST": stub.address])
      #expect(await fixture.run(["rm", "ab"], context) == 1)
    }
    #expect(fixture.errors.hasSuffix("; `petrel rm --force ab` removes it with all its tags\n"), "\(fixture.errors)")
  }

  @Test func `A prompt for a model that is only loaded is refused`() async throws {
    let fixture = try CommandFixture()
    #expect(await fixture.run(["run", "--detach", "m", "hello"], fixture.context()) == 1)
    #expect(fixture.errors.contains("--detach only loads the model"))
    #expect(fixture.launches.isEmpty)
  }
}

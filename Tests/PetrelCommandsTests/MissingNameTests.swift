// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PetrelCommands

@Suite struct MissingNameTests {
  @Test(arguments: [
    ["inspect", ""], ["pull", " "], ["push", ""], ["rm", "m", ""], ["run", "", "hello"], ["unload", ""],
    ["configure", ""], ["configure", "show", ""], ["tag", "m", ""], ["copy", "", "m"], ["export", "", "f"],
    ["fsck", ""], ["ls", ""], ["load", "f", ""], ["package", "--from", "", "m"], ["import", ""],
  ]) func `An empty name is said to be missing before anything is started`(words: [String]) async throws {
    let fixture = try CommandFixture()
    #expect(await fixture.run(words, fixture.context()) == 1)
    #expect(
      fixture.errors
        == "Error: a model's name is missing; `petrel list` shows the models that are here\n", "\(fixture.errors)")
    #expect(fixture.output.isEmpty)
    #expect(fixture.launches.isEmpty)
  }
}

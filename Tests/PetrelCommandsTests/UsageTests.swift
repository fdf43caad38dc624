// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PetrelCommands

@Suite struct UsageTests {
  @Test(arguments: [["unload"], ["unload", "--all", "m"], ["configure"], ["configure", "a", "b"]])
  func `Wrong arguments are answered with one usage and one advice`(words: [String]) async throws {
    let fixture = try CommandFixture()
    #expect(await fixture.run(words, fixture.context()) == 1)
    let advice = "See 'petrel \(words[0]) --help'"
    #expect(fixture.errors.split(separator: advice, omittingEmptySubsequences: false).count == 2, "\(fixture.errors)")
    #expect(fixture.errors.lowercased().split(separator: "usage:", omittingEmptySubsequences: false).count == 2)
  }
}

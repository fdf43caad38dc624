// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PetrelCommands

@Suite struct GuessedCommandTests {
  @Test(arguments: [
    ("pul", "pull"), ("psuh", "push"), ("lst", "list"), ("inpsect", "inspect"), ("configrue", "configure"),
    ("rn", "run"), ("insp", "inspect"), ("zzz", nil), ("x", nil), ("shop", "stop"), ("shot", nil),
  ]) func `Only what is near is guessed`(word: String, expected: String?) {
    #expect(
      Spelling.closest(to: word, among: ["pull", "push", "list", "inspect", "configure", "run", "stop"]) == expected)
  }

  @Test(arguments: [("show", "inspect"), ("delete", "rm"), ("images", "list")])
  func `Names of other programs lead to ours`(word: String, command: String) async throws {
    let fixture = try CommandFixture()
    #expect(await fixture.run([word, "m"], fixture.context()) == 1)
    #expect(fixture.errors.contains("unknown command \"\(word)\". Did you mean \"\(command)\"?"))
  }

  @Test func `Help for a command that does not exist fails`() async throws {
    let fixture = try CommandFixture()
    #expect(await fixture.run(["help", "foo"], fixture.context()) == 1)
    #expect(fixture.errors.contains("unknown command \"foo\""))
    #expect(await fixture.run(["help", "pull"], fixture.context()) == 0)
    #expect(fixture.output.contains("pull"))
  }

  @Test func `All other names mean commands that exist`() {
    for (name, command) in PetrelCommand.otherNames {
      #expect(PetrelCommand.commandNames.contains(command))
      #expect(!PetrelCommand.commandNames.contains(name))
    }
  }
}

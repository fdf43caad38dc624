// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import PetrelTestSupport
import Testing

@testable import PetrelCommands

@Suite struct FlagValuesTests {
  @Test(arguments: [
    ("ls --json=true", "ls --json"), ("ls --json=0", "ls"), ("rm --force=T m", "rm --force m"),
    ("configure --think=true m", "configure --think m"), ("configure --think=false m", "configure --no-think m"),
    ("configure --no-think=false m", "configure --think m"), ("configure --preload=F m", "configure --no-preload m"),
    ("configure --context-size=4 m", "configure --context-size=4 m"),
    ("configure --runtime-flag --think=x m", "configure --runtime-flag --think=x m"),
    ("configure m -- --think=x", "configure m -- --think=x"), ("run m --json=", nil), ("ls --json=yes", nil),
  ]) func `Values of flags become what the parser knows`(words: String, expected: String?) throws {
    let words = words.split(separator: " ").map(String.init)
    if let expected {
      #expect(try FlagValues.normalized(words).joined(separator: " ") == expected)
    } else {
      #expect(throws: CommandError.self) { try FlagValues.normalized(words) }
    }
  }

  @Test func `All flags of all commands are known`() throws {
    let dump = try #require(
      try JSONSerialization.jsonObject(with: Data(PetrelCommand._dumpHelp().utf8)) as? [String: Any])
    var flags: Set<String> = []
    var options: Set<String> = []
    func read(_ command: [String: Any]) {
      for argument in command["arguments"] as? [[String: Any]] ?? [] {
        let names = (argument["names"] as? [[String: Any]] ?? []).filter { $0["kind"] as? String == "long" }
          .compactMap { $0["name"] as? String }
        if argument["kind"] as? String == "flag" { flags.formUnion(names) } else { options.formUnion(names) }
      }
      for subcommand in command["subcommands"] as? [[String: Any]] ?? [] { read(subcommand) }
    }
    read(try #require(dump["command"] as? [String: Any]))
    let known = FlagValues.plain.union(FlagValues.invertible)
    let inverted = Set(FlagValues.invertible.map { "no-" + $0 })
    #expect(flags.subtracting(["help", "version"]).subtracting(inverted) == known)
    #expect(options.isDisjoint(with: known))
  }

  @Test func `Flags that contradict each other are refused`() async throws {
    let fixture = try CommandFixture()
    #expect(await fixture.run(["configure", "--think", "--no-think", "m"], fixture.context()) == 1)
    #expect(fixture.errors.contains("think"))
    #expect(fixture.launches.isEmpty)
  }

  @Test func `A flag's value arrives`() async throws {
    let fixture = try CommandFixture()
    try await StubDaemon.serving({ _ in .init(202, chunks: []) }) { stub in
      let context = fixture.context(environment: ["MODEL_RUNNER_HOST": stub.address])
      #expect(await fixture.run(["configure", "--think=false", "m"], context) == 0)
      #expect(stub.requests.first?.body.contains(#""reasoning-budget":0"#) == true)
    }
  }
}

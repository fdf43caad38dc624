// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelTestSupport
import Testing

@testable import PetrelCommands

@Suite struct StoreCommandTests {
  private typealias Request = StubDaemon.Request
  private typealias Response = StubDaemon.Response

  private func run(
    _ words: [String], input: String? = nil, fixture: CommandFixture,
    respond: @escaping @Sendable (StubDaemon.Request) -> StubDaemon.Response
  ) async throws -> (status: Int32, requests: [StubDaemon.Request]) {
    try await StubDaemon.serving(respond) { stub in
      let context = fixture.context(environment: ["MODEL_RUNNER_HOST": stub.address], input: input)
      return (await fixture.run(words, context), stub.requests)
    }
  }

  // MARK: fsck

  private static let problem =
    #"{"kind":"damaged-blob","damage":true,"path":"/s/b","models":["ai/m"],"size":7,"message":"wrong bytes"}"#

  private static func summary(damaged: Int, repaired: Int) -> String {
    #"{"type":"summary","summary":{"models":1,"files":2,"bytes":1500,"damaged":\#(damaged),"repaired":\#(repaired),"#
      + #""reclaimable":0}}"# + "\n"
  }

  @Test func aSoundStoreIsSaidSo() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["fsck"], fixture: fixture) { _ in
      Response(
        200, type: "application/x-ndjson",
        chunks: [#"{"type":"progress","checked":0,"total":1500}"# + "\n", Self.summary(damaged: 0, repaired: 0)])
    }
    #expect(result.status == 0)
    #expect(fixture.output == "1 model(s), 2 file(s), 1.50kB: no damage.\n")
    #expect(fixture.errors == "Checked 0.00B of 1.50kB\n")
    #expect(result.requests.map { "\($0.method) \($0.uri) \($0.body)" } == ["POST /models/fsck {}"])
  }

  @Test func damageThatIsLeftFails() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["fsck", "ai/m"], fixture: fixture) { _ in
      Response(
        200, chunks: [#"{"type":"problem","problem":\#(Self.problem)}"# + "\n", Self.summary(damaged: 1, repaired: 0)])
    }
    #expect(result.status == 1)
    #expect(fixture.output.hasPrefix("Damaged: damaged-blob /s/b: wrong bytes (ai/m)\n"))
    #expect(fixture.output.contains("1 problem(s). `petrel fsck --repair` pulls again what is broken."))
    #expect(result.requests.map(\.body) == [#"{"models":["ai/m"]}"#])
  }

  @Test func whatIsRepairedIsSaidForProgramsToo() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["fsck", "--repair", "--remove-broken", "--json"], fixture: fixture) { _ in
      Response(
        200,
        chunks: [
          #"{"type":"problem","problem":\#(Self.problem)}"# + "\n" + #"{"type":"repaired","message":"brou"#,
          #"ght again","problem":\#(Self.problem)}"# + "\n", Self.summary(damaged: 1, repaired: 1),
        ])
    }
    #expect(result.status == 0)
    #expect(fixture.output.contains(#""outcome": "brought again""#) && fixture.output.contains(#""repaired": true"#))
    #expect(result.requests.map(\.body) == [#"{"repair":true,"remove_broken":true}"#])
  }

  @Test func aCheckThatBreaksOffFails() async throws {
    for chunks in [[#"{"type":"progress","checked":0,"total":5}"# + "\n"], [#"{"type":"error","message":"no"}"#]] {
      let fixture = try CommandFixture()
      let result = try await run(["fsck"], fixture: fixture) { _ in Response(200, chunks: chunks) }
      #expect(result.status == 1)
      #expect(fixture.errors.contains("Error: Failed to check the store: "))
    }
  }

  // MARK: df

  @Test func dfShowsWhatCanBeFreedAndHow() async throws {
    let fixture = try CommandFixture()
    let body = #"""
      {"models_disk_usage":1500,"default_backend_disk_usage":0,"shared_disk_usage":20,"parts":[{"type":"Models",
      "count":2,"size":1000,"reclaimable":0},{"type":"Partial downloads","count":1,"size":500,"reclaimable":500,
      "command":"petrel prune"}]}
      """#
    let result = try await run(["df"], fixture: fixture) { _ in .json(body) }
    #expect(result.status == 0)
    #expect(
      fixture.output == """
        TYPE               SIZE     COUNT  RECLAIMABLE  BY
        Models             1.00kB   2      0.00B
        Partial downloads  500.00B  1      500.00B      petrel prune

        """)
    #expect(result.requests.map(\.uri) == ["/engines/df"])
  }

  @Test func dfOfAnotherDaemonHasTwoColumns() async throws {
    let fixture = try CommandFixture()
    let body = #"{"models_disk_usage":1500,"default_backend_disk_usage":2000}"#
    _ = try await run(["df"], fixture: fixture) { _ in .json(body) }
    #expect(fixture.output == "TYPE              SIZE\nModels            1.50kB\nInference engine  2.00kB\n")
  }

  // MARK: prune

  private static func report(dryRun: Bool) -> String {
    #"{"items":[{"kind":"orphan-blob","name":"/s/b","size":7}],"reclaimed":7,"dry_run":\#(dryRun)}"#
  }

  private static func answerPrune(_ request: StubDaemon.Request) -> StubDaemon.Response {
    .json(report(dryRun: request.body.contains("dry_run")))
  }

  @Test func pruneShowsAndAsks() async throws {
    let fixture = try CommandFixture()
    let yes = try await run(["prune"], input: "y\n", fixture: fixture, respond: Self.answerPrune)
    #expect(yes.status == 0)
    #expect(yes.requests.map(\.body) == [#"{"all":false,"dry_run":true}"#, #"{"all":false}"#])
    #expect(fixture.output.contains("orphan-blob  7.00B  /s/b"))
    #expect(fixture.errors.hasSuffix("Are you sure you want to continue? [y/N] "))
    #expect(fixture.output.hasSuffix("Total reclaimed space: 7.00B\n"))
    for (input, ending) in [("n\n", "Operation cancelled.\n"), ("\n", "Operation cancelled.\n")] {
      let fixture = try CommandFixture()
      let no = try await run(["prune", "-a"], input: input, fixture: fixture, respond: Self.answerPrune)
      #expect(no.status == 1 && no.requests.count == 1)
      #expect(fixture.errors.hasSuffix(ending))
    }
  }

  @Test func pruneWithoutQuestions() async throws {
    let fixture = try CommandFixture()
    let forced = try await run(["prune", "-f", "--all"], fixture: fixture, respond: Self.answerPrune)
    #expect(forced.requests.map(\.body) == [#"{"all":true}"#])
    #expect(fixture.output.hasSuffix("Total reclaimed space: 7.00B\n"))
    let dry = try await run(["prune", "--dry-run"], fixture: fixture, respond: Self.answerPrune)
    #expect(dry.requests.count == 1)
    #expect(fixture.output.hasSuffix("Reclaimable space: 7.00B\n"))
  }

  // MARK: purge

  private static func answerPurge(_ request: StubDaemon.Request) -> StubDaemon.Response {
    switch request.uri {
    case "/models": .json("[]")
    case "/engines/df": .json(#"{"models_disk_usage":5,"default_backend_disk_usage":0}"#)
    default: Response(200, chunks: [])
    }
  }

  @Test func purgeAsksAsTheReferenceDoes() async throws {
    let question =
      "WARNING! This will remove the entire models directory.\nAre you sure you want to continue? [y/N] "
    for (input, isDone) in [("y\n", true), ("Y\n", true), ("Yes\n", true), ("\n", false), ("no\n", false)] {
      let fixture = try CommandFixture()
      let result = try await run(["purge"], input: input, fixture: fixture, respond: Self.answerPurge)
      #expect(result.status == (isDone ? 0 : 1))
      #expect(result.requests.contains { $0.method == "DELETE" && $0.uri == "/models/purge" } == isDone)
      #expect(fixture.output.isEmpty)
      let rest = isDone ? "Removed 0 model(s), 5.00B.\n" : "Operation cancelled.\n"
      #expect(fixture.errors == "0 model(s), 5.00B.\n" + question + rest)
    }
    for (input, words) in [("", "EOF"), ("y es\n", "expected newline")] {
      let fixture = try CommandFixture()
      let result = try await run(["purge"], input: input, fixture: fixture, respond: Self.answerPurge)
      #expect(result.status == 1 && !result.requests.contains { $0.method == "DELETE" })
      #expect(fixture.errors.contains(words))
    }
  }

  @Test func purgeOfAnEmptyStoreAsksNothing() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["purge"], input: "", fixture: fixture) { request in
      request.uri == "/engines/df"
        ? .json(#"{"models_disk_usage":0,"default_backend_disk_usage":0}"#) : Self.answerPurge(request)
    }
    #expect(result.status == 0)
    #expect(fixture.errors == "Removed 0 model(s), 0.00B.\n")
  }

  @Test func purgeByForceAsksNothing() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["purge", "--force"], fixture: fixture, respond: Self.answerPurge)
    #expect(result.status == 0 && result.requests.last?.method == "DELETE")
    #expect(fixture.output.isEmpty)
  }
}

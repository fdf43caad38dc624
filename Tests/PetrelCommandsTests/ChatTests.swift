// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import PetrelClient
import PetrelTerminal
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelCommands

struct ChatInputTests {
  @Test(arguments: [
    ("", ChatInput.empty), ("  ", .empty), ("/bye", .leave), (" /exit ", .leave), ("/?", .help), ("/help files", .help),
    ("/clear", .clear), ("/set system  be  nice ", .setSystem("be  nice")), ("/set system", .setSystem(nil)),
    ("/set", .setHelp(unknown: nil)), ("/set x y", .setHelp(unknown: "x")), ("/nope", .unknownCommand("/nope")),
    ("/path/to/pic.png what is this?", .message("/path/to/pic.png what is this?")), ("hello ", .message("hello")),
    ("\"\"\"tell me\"\"\"", .message("tell me")), ("\"\"\"tell", .multiline("tell")), ("\"\"\"", .multiline("")),
  ])
  func readsLines(line: String, input: ChatInput) {
    #expect(ChatInput(line: line) == input)
  }

  @Test func findsTheEndOfALongMessage() {
    #expect(ChatInput.closing("me\"\"\"") == "me")
    #expect(ChatInput.closing("\"\"\"") == "")
    #expect(ChatInput.closing("me") == nil)
  }
}

struct PromptHistoryTests {
  @Test func survivesARestart() throws {
    let fixture = try CommandFixture()
    let file = fixture.folder.appending("deep").appending("history")
    var history = PromptHistory(file: file)
    for entry in ["one", "two\nlines \\n", "two\nlines \\n"] { history.add(entry) }
    #expect(PromptHistory(file: file).entries == ["one", "two\nlines \\n"])
    for number in 0..<200 { history.add("\(number)") }
    #expect(PromptHistory(file: file).entries.count == 100)
    let attributes = try FileManager.default.attributesOfItem(atPath: file.string)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
  }

  @Test func worksWithoutAFile() {
    var history = PromptHistory(file: nil)
    history.add("x")
    #expect(history.entries == ["x"])
  }
}

struct PromptSourceTests {
  private func prompt(
    _ words: [String], input: String? = nil, typing: [String]? = nil
  ) async throws -> String? {
    let fixture = try CommandFixture()
    return try await PromptSource.prompt(words: words, context: fixture.context(input: input, typing: typing))
  }

  @Test func joinsWordsAndInput() async throws {
    #expect(try await prompt(["hello", "there"]) == "hello there")
    #expect(try await prompt(["sum", "up"], input: "text\n") == "sum up\n\ntext\n")
    #expect(try await prompt([], input: "text") == "text")
    #expect(try await prompt(["hello"], input: "") == "hello")
    #expect(try await prompt([], typing: []) == nil)
  }

  @Test func wantsSomePrompt() async throws {
    for input in ["", " \n", nil] {
      await #expect(throws: CommandError.self) { try await prompt([], input: input) }
    }
  }

  @Test func saysWhatItWaitsForWhenThePipeIsSilent() async throws {
    let fixture = try CommandFixture()
    var context = fixture.context(input: "")
    context.input = TextInput(isTerminal: false, isRedirected: true) { _ in
      false
    } reader: { _ in
      []
    }
    #expect(try await PromptSource.prompt(words: ["hello"], context: context) == "hello")
    #expect(fixture.errors.contains("standard input"))
  }
}

struct RunTests {
  private static let answer = [
    #"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#, #"{"choices":[{"delta":{"content":"Hel"}}]}"#,
    #"{"choices":[{"delta":{"content":"lo\u001b"},"finish_reason":"stop"}]}"#,
    #"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#, "[DONE]",
  ].map { "data: \($0)\n\n" }

  private static func respond(_ request: StubDaemon.Request) -> StubDaemon.Response {
    switch (request.method, request.uri) {
    case ("GET", "/models/m"):
      return .json(#"{"id":"sha256:\#(String(repeating: "a", count: 64))","created":0,"config":{}}"#)
    case ("POST", "/models/create"):
      return .json(
        #"{"type":"success","message":"Pulled","total":0,"layer":{"size":0,"current":0},"mode":"pull"}"#
      )
    case ("POST", "/engines/v1/chat/completions"):
      if request.headers.contains(name: "X-Preload-Only") { return .init(200, chunks: []) }
      if request.body.contains("explode") {
        let error = "data: {\"error\":{\"message\":\"engine died\"}}\n\n"
        return .init(200, type: "text/event-stream", chunks: [answer[1], error])
      }
      return .init(200, type: "text/event-stream", chunks: answer)
    default:
      return .init(404, chunks: ["not found"])
    }
  }

  @Test func standardOutputGetsTheAnswerAlone() async throws {
    let fixture = try CommandFixture()
    try await StubDaemon.serving(Self.respond) { stub in
      let context = fixture.context(environment: ["MODEL_RUNNER_HOST": stub.address])
      #expect(await fixture.run(["run", "m", "say", "hello"], context) == 0)
      #expect(fixture.output == "Hello\u{1B}\n")
      #expect(fixture.errors == "Thinking:\nhm\n\n--\n\n")
    }
  }

  @Test func aTerminalGetsEverythingButControlCharacters() async throws {
    let fixture = try CommandFixture()
    try await StubDaemon.serving(Self.respond) { stub in
      var context = fixture.context(environment: ["MODEL_RUNNER_HOST": stub.address], isTerminal: true)
      // The answer comes before anything has to be said of waiting.
      context.clock.sleep = { _ in try await Task.sleep(for: .seconds(600)) }
      #expect(await fixture.run(["run", "m", "hello"], context) == 0)
      #expect(fixture.output == "Thinking:\nhm\n\n--\n\nHello\n")
      #expect(fixture.errors == "\nToken usage: 1 prompt + 2 completion = 3 total\n")
    }
  }

  @Test func aMissingModelIsPulled() async throws {
    let fixture = try CommandFixture()
    try await StubDaemon.serving(Self.respond) { stub in
      let context = fixture.context(environment: ["MODEL_RUNNER_HOST": stub.address])
      #expect(await fixture.run(["run", "--detach", "other"], context) == 0)
      #expect(fixture.output.isEmpty)
      #expect(fixture.errors.hasPrefix("Unable to find model 'other' locally. Pulling from the server.\n"))
      #expect(stub.requests.map(\.uri) == ["/models/other", "/models/create", "/engines/v1/chat/completions"])
    }
  }

  @Test func anErrorInTheMiddleFailsTheCommand() async throws {
    let fixture = try CommandFixture()
    try await StubDaemon.serving(Self.respond) { stub in
      let context = fixture.context(environment: ["MODEL_RUNNER_HOST": stub.address])
      #expect(await fixture.run(["run", "m", "explode"], context) == 1)
      #expect(fixture.output == "Hel\n")
      #expect(fixture.errors == "Error: Failed to generate a response: engine died\n")
    }
  }

  @Test func chatsOnATerminal() async throws {
    let fixture = try CommandFixture()
    try await StubDaemon.serving(Self.respond) { stub in
      let lines = ["/set system be nice", "one", "explode", "two", "/clear", "\"\"\"a", "b\"\"\"", "/bye"]
      let context = fixture.context(
        environment: ["MODEL_RUNNER_HOST": stub.address], typing: lines.map { $0 + "\r" }, isTerminal: true)
      #expect(await fixture.run(["run", "m"], context) == 0)
      let bodies = stub.requests.filter {
        $0.uri.hasSuffix("completions") && !$0.headers.contains(name: "X-Preload-Only")
      }
      .map(\.body)
      #expect(bodies.count == 4)
      #expect(
        bodies[2].contains(
          #"[{"role":"system","content":"be nice"},{"role":"user","content":"one"},"#
            + #"{"role":"assistant","content":"Hello\u001b"},{"role":"user","content":"two"}]"#
        ))
      #expect(bodies[3].contains(#"[{"role":"system","content":"be nice"},{"role":"user","content":"a\nb"}]"#))
      #expect(fixture.errors.contains("Failed to generate a response: engine died"))
      #expect(
        PromptHistory(file: fixture.folder.appending(".petrel").appending("history")).entries
          == ["one", "explode", "two", "a\nb"])
    }
  }

  @Test func controlCStopsTheAnswerAndNotTheChat() async throws {
    let fixture = try CommandFixture()
    let hanging: @Sendable (StubDaemon.Request) -> StubDaemon.Response = { request in
      guard request.uri.hasSuffix("completions"), !request.headers.contains(name: "X-Preload-Only") else {
        return Self.respond(request)
      }
      return .init(200, type: "text/event-stream", chunks: [Self.answer[1]], ending: .hanging)
    }
    try await StubDaemon.serving(hanging) { stub in
      let context = fixture.context(
        environment: ["MODEL_RUNNER_HOST": stub.address], typing: ["long\r", "/bye\r"], isTerminal: true)
      let chat = Task { await fixture.run(["run", "m"], context) }
      let deadline = ContinuousClock.now + .seconds(120)
      while !fixture.output.contains("Hel") {
        try #require(ContinuousClock.now < deadline)
        await Task.yield()
      }
      context.interrupts.interrupt()
      #expect(await chat.value == 0)
      #expect(stub.clientsLost == 1)
    }
  }
}

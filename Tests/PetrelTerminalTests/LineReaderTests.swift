// SPDX-License-Identifier: Apache-2.0

import PetrelTerminal
import Synchronization
import Testing

struct LineReaderTests {
  /// A terminal whose user types the given pieces.
  private func reader(typing pieces: [String], _ recorder: ScreenRecorder) -> LineReader {
    let script = Script(pieces)
    let input = TextInput(isTerminal: true, isRedirected: false) { _ in
      true
    } reader: { _ in
      Array(script.next().utf8)
    }
    return LineReader(
      input: input, output: recorder.output(isTerminal: true, columns: 20),
      mode: TerminalModeSwitch(makeRaw: { nil }, restore: { _ in }))
  }

  private func read(_ reader: inout LineReader) async throws -> LineReader.Result {
    try await reader.read(prompt: "> ", continuation: ". ", placeholder: "Say something", history: ["before"])
  }

  @Test func readsLinesThatWereTypedAhead() async throws {
    let recorder = ScreenRecorder()
    var reader = reader(typing: ["on", "e\rtwo\r\u{1B}[A", "\r"], recorder)
    #expect(try await read(&reader) == .line("one"))
    #expect(try await read(&reader) == .line("two"))
    #expect(try await read(&reader) == .line("before"))
    #expect(try await read(&reader) == .ended)
    #expect(recorder.text.contains("Say something"))
    #expect(recorder.text.hasPrefix("\u{1B}[?2004h"))
    #expect(recorder.text.hasSuffix("\u{1B}[?2004l"))
  }

  @Test func tellsOfControlKeys() async throws {
    let recorder = ScreenRecorder()
    var reader = reader(typing: ["abc\u{03}", "\u{04}"], recorder)
    #expect(try await read(&reader) == .interrupted)
    #expect(try await read(&reader) == .ended)
  }
}

private final class Script: Sendable {
  private let pieces: Mutex<[String]>

  init(_ pieces: [String]) { self.pieces = Mutex(pieces) }

  /// Empty at the end.
  func next() -> String { pieces.withLock { $0.isEmpty ? "" : $0.removeFirst() } }
}

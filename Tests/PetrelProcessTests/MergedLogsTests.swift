// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelProcess

@Suite(.timeLimit(.minutes(10))) struct MergedLogsTests {
  private func all(_ folder: FilePath, withoutEngines: Bool = false) async -> String {
    let cursor = MergedLogs(directory: folder).cursor(follow: false, withoutEngines: withoutEngines)
    var text: [UInt8] = []
    while let lines = await cursor.next() { text += lines }
    return String(decoding: text, as: UTF8.self)
  }

  private func line(_ second: Int, _ text: String) -> String { LogTimestamp.text(Double(second)) + text + "\n" }

  @Test(arguments: [
    (0.0, "[1970-01-01T00:00:00.000000000Z] "), (951_782_400, "[2000-02-29T00:00:00.000000000Z] "),
    (1_709_210_096.5, "[2024-02-29T12:34:56.500000000Z] "), (4_102_444_799, "[2099-12-31T23:59:59.000000000Z] "),
  ]) func `The mark of a line is its time`(seconds: Double, mark: String) {
    #expect(LogTimestamp.text(seconds) == mark)
    #expect(mark.utf8.count == LogTimestamp.length)
  }

  @Test func `Lines come by time, the daemon's first, and the older file of a log before the newer`() async throws {
    try await withTemporaryFolder { folder in
      try folder.appending("inference.log.1").write(line(1, "s1"))
      try folder.appending("inference.log").write(line(3, "s3") + line(5, "s5"))
      try folder.appending("llama.cpp-a-completion.log").write(
        line(2, "a2") + "no time\n" + line(3, "a3") + line(4, "a4"))
      try folder.appending("llama.cpp-b-completion.log").write(line(4, "b4") + "unfinished")
      try folder.appending("daemon.log").write(line(1, "not ours"))
      let order = await all(folder).split(separator: "\n").map { $0.split(separator: "] ").last.map(String.init) ?? "" }
      #expect(order == ["s1", "a2", "no time", "s3", "a3", "a4", "b4", "unfinished", "s5"])
      #expect(await all(folder, withoutEngines: true) == line(1, "s1") + line(3, "s3") + line(5, "s5"))
    }
  }

  @Test func `No folder is an empty log`() async {
    #expect(await all("/nowhere/at/all") == "")
  }

  @Test func `A long line passes, in parts`() async throws {
    try await withTemporaryFolder { folder in
      let long = String(repeating: "x", count: 300_000)
      try folder.appending("inference.log").write(line(1, long) + line(2, "next"))
      let text = await all(folder)
      #expect(text.replacing("\n", with: "") == (line(1, long) + line(2, "next")).replacing("\n", with: ""))
    }
  }

  @Test func `Following goes on over a rotation and with new files, and ends when the logs close`() async throws {
    try await withTemporaryFolder { folder in
      let logs = MergedLogs(directory: folder)
      let log = RotatingLog(path: folder.appending("inference.log"), limit: 100)
      func append(_ text: String) { Array(text.utf8).withUnsafeBytes { log.append($0) } }
      append(line(1, "one"))
      let cursor = logs.cursor(follow: true, withoutEngines: false)
      func next() async -> String? { await cursor.next().map { String(decoding: $0, as: UTF8.self) } }
      #expect(await next() == line(1, "one"))
      append(line(2, "two"))
      append(line(3, "three"))
      append(line(4, "four"))
      #expect(folder.names == ["inference.log", "inference.log.1"])
      var seen = ""
      while !seen.contains("four"), let more = await next() { seen += more }
      #expect(seen == line(2, "two") + line(3, "three") + line(4, "four"))
      try folder.appending("llama.cpp-a-completion.log").write(line(5, "engine"))
      #expect(await next() == line(5, "engine"))
      logs.close()
      #expect(await next() == nil)
    }
  }

  @Test func `A program's lines get the time, whatever pieces they come in`() async throws {
    try await withTemporaryFolder { folder in
      let stamper = LineStamper(RotatingLog(path: folder.appending("x.log")))
      for piece in ["a", "b\nc\n", "\n", "d"] { Array(piece.utf8).withUnsafeBytes { stamper.append($0) } }
      let lines = folder.appending("x.log").text.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines.map { $0.split(separator: "Z] ", maxSplits: 1).last.map(String.init) ?? "" }.count == 4)
      #expect(lines.map { String($0.dropFirst(LogTimestamp.length)) } == ["ab", "c", "", "d"])
      #expect(lines.allSatisfy { $0.hasPrefix("[20") })
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelTerminal
import Testing

struct TransferProgressTests {
  @Test func addsUpItsParts() {
    var progress = TransferProgress()
    progress.update(id: "a", label: "a", current: 1_000_000, size: 1_000_000, total: 256_351_904, at: .zero)
    progress.update(id: "b", label: "b", current: 2_500_000, size: 9_000_000, total: 256_351_904, at: .seconds(1))
    #expect(progress.current == 3_500_000)
    #expect(progress.total == 256_351_904)
    #expect(progress.parts.map(\.isComplete) == [true, false])
  }

  @Test func measuresTheRateWithoutWhatWasThereBefore() {
    var progress = TransferProgress()
    progress.update(id: "a", label: "a", current: 500, size: 1500, total: 1500, at: .zero)
    #expect(progress.rate == nil)
    progress.update(id: "a", label: "a", current: 700, size: 1500, total: 1500, at: .seconds(2))
    #expect(progress.rate == 100)
    #expect(progress.secondsLeft == 8)
  }

  @Test func neverGoesBack() {
    var progress = TransferProgress()
    progress.update(id: "a", label: "a", current: 700, size: 1500, total: 1500, at: .zero)
    progress.update(id: "a", label: "a", current: 100, size: 1500, total: 1500, at: .seconds(1))
    #expect(progress.current == 700)
    progress.update(id: "a", label: "a", current: 900, size: 1500, total: 1500, at: .seconds(2))
    #expect(progress.current == 900 && progress.rate == 100)
  }

  @Test func forgetsOldSpeed() {
    var progress = TransferProgress()
    progress.update(id: "a", label: "a", current: 0, size: 100_000, total: 0, at: .zero)
    progress.update(id: "a", label: "a", current: 50_000, size: 100_000, total: 0, at: .seconds(1))
    for second in 2...20 {
      progress.update(
        id: "a", label: "a", current: 50_000 + Int64(second), size: 100_000, total: 0, at: .seconds(second))
    }
    #expect(progress.rate == 1)
  }
}

struct TransferDisplayTests {
  private let words = TransferLines.Words(running: "Downloading", complete: "Pull complete", done: "Downloaded")

  @Test func plainLinesAreRareAndEndWithTheLastState() {
    let recorder = ScreenRecorder()
    var display = TransferDisplay(output: recorder.output(isTerminal: false), words: words)
    for step in 1...10 {
      display.update(
        id: "a", label: "a", current: Int64(step) * 100_000, size: 1_000_000, total: 256_351_904,
        at: .milliseconds(step * 10))
    }
    display.update(id: "b", label: "b", current: 2_500_000, size: 2_500_000, total: 256_351_904, at: .milliseconds(200))
    display.finish()
    #expect(recorder.text == "Downloaded 100.00kB of 256.35MB\nDownloaded 3.50MB of 256.35MB\n")
  }

  @Test func aTerminalShowsLinesInPlace() {
    let recorder = ScreenRecorder()
    var display = TransferDisplay(output: recorder.output(isTerminal: true), words: words)
    display.update(id: "a", label: "aaaaaaaaaaaa", current: 0, size: 2000, total: 2000, at: .zero)
    display.update(id: "a", label: "aaaaaaaaaaaa", current: 2000, size: 2000, total: 2000, at: .seconds(1))
    display.finish()
    #expect(recorder.text.contains("\u{1B}[2A\r\u{1B}[2Kaaaaaaaaaaaa: Pull complete ["))
    #expect(recorder.text.contains("2kB/2kB"))
  }

  @Test(arguments: [10, 30, 60, 111, 200])
  func linesFitTheTerminal(columns: Int) {
    var progress = TransferProgress()
    for part in 0..<40 {
      progress.update(
        id: "\(part)", label: "0123456789ab", current: 123_456_789, size: 999_900_000, total: 0, at: .seconds(part))
    }
    let lines = TransferLines(words: words).board(progress, size: TerminalDevice.Size(columns: columns, rows: 12))
    #expect(lines.count == 10)
    #expect(lines.allSatisfy { DisplayWidth.of($0) < columns })
  }
}

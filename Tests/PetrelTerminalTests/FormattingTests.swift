// SPDX-License-Identifier: Apache-2.0

import PetrelTerminal
import Testing

struct TextTableTests {
  @Test func padsEveryCellButTheLast() {
    let table = TextTable(
      header: ["NAME", "HOST", "DESCRIPTION", "CURRENT"],
      rows: [["default", "(auto-detect)", "Auto-detected Docker context", "*"], ["x", "http://a", "", ""]])
    let expected = """
      NAME·····HOST···········DESCRIPTION···················CURRENT
      default··(auto-detect)··Auto-detected Docker context··*
      x········http://a

      """
    #expect(table.rendered() == expected.replacing("·", with: " "))
  }

  @Test func showsTheHeaderWithoutRows() {
    #expect(TextTable(header: ["TYPE", "SIZE"]).rendered() == "TYPE  SIZE\n")
  }

  @Test func countsColumnsAndDefusesControlCharacters() {
    let table = TextTable(header: ["A", "B"], rows: [["日本", "x\u{1B}[2J\n"]])
    let expected = #"""
      A·····B
      日本··x\u{1B}[2J\n

      """#
    #expect(table.rendered() == expected.replacing("·", with: " "))
  }
}

struct HumanUnitsTests {
  @Test(arguments: [
    (0, "0.00B"), (999, "999.00B"), (1000, "1.00kB"), (256_351_904, "256.35MB"), (4_500_000_000, "4.50GB"),
  ])
  func bytes(count: Int64, text: String) {
    #expect(HumanUnits.bytes(count) == text)
  }

  @Test(arguments: [
    (0, "0B"), (999, "999B"), (12_300_000, "12.3MB"), (256_351_904, "256.4MB"), (1_234_567, "1.235MB"),
    (12_345_678, "12.35MB"),
  ])
  func shortBytes(count: Int64, text: String) {
    #expect(HumanUnits.shortBytes(count) == text)
  }

  @Test(arguments: [
    (0, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"), (119, "About a minute"),
    (120, "2 minutes"), (300, "5 minutes"), (3600, "About an hour"), (7200, "2 hours"), (169_200, "47 hours"),
    (172_800, "2 days"), (1_209_600, "2 weeks"), (5_184_000, "2 months"), (63_072_000, "2 years"),
  ])
  func durations(seconds: Int64, text: String) {
    #expect(HumanUnits.duration(seconds: seconds) == text)
  }

  @Test func remainingTimes() {
    #expect(HumanUnits.remaining(seconds: 12) == "12s")
    #expect(HumanUnits.remaining(seconds: 185) == "3m05s")
    #expect(HumanUnits.remaining(seconds: 7800) == "2h10m")
  }
}

struct DisplayWidthTests {
  @Test func countsColumns() {
    #expect(DisplayWidth.of("abc") == 3)
    #expect(DisplayWidth.of("日本") == 4)
    #expect(DisplayWidth.of("e\u{301}") == 1)
    #expect(DisplayWidth.of("\u{1F600}") == 2)
  }

  @Test func cutsWithAnEllipsis() {
    #expect(DisplayWidth.truncate("abcdef", to: 4) == "abc…")
    #expect(DisplayWidth.truncate("abc", to: 3) == "abc")
    #expect(DisplayWidth.of(DisplayWidth.truncate("日本語", to: 4)) <= 4)
  }

  @Test func layoutMayBeKept() {
    #expect(TerminalText.printable("a\n\tb\u{1B}[31m\u{9B}c", keepingLayout: true) == "a\n\tb[31mc")
  }
}

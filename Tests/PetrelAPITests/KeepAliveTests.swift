// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import Testing

@Suite struct KeepAliveTests {
  @Test(arguments: [
    ("0", "0s"), ("0s", "0s"), ("-1", "-1"), ("-1m", "-1"), ("30s", "30s"), ("5m", "5m0s"), ("90s", "1m30s"),
    ("1.5h", "1h30m0s"), ("1h30m", "1h30m0s"), ("300ms", "300ms"),
  ]) func `A text is read and written in its canonical form`(text: String, canonical: String) throws {
    #expect(try KeepAlive(parsing: text).text == canonical)
  }

  @Test(arguments: [
    ("300", "missing unit in duration \"300\""), ("-2", "missing unit in duration \"-2\""),
    ("1d", "unknown unit \"d\" in duration \"1d\""), ("", "invalid duration \"\""),
    ("abc", "invalid duration \"abc\""),
  ]) func `What is no duration is refused in the reference's words`(text: String, reason: String) {
    let error = #expect(throws: KeepAliveError.self) { try KeepAlive(parsing: text) }
    #expect(error?.description.hasPrefix("invalid keep_alive duration \"\(text)\": time: \(reason)") == true)
  }

  @Test func `Numbers are seconds, and negative ones mean for ever`() {
    #expect(KeepAlive(seconds: 300) == .after(.seconds(300)))
    #expect(KeepAlive(seconds: 0) == .after(.zero))
    #expect(KeepAlive(seconds: -1) == .forever)
    #expect(KeepAlive(seconds: 1e300).text.hasSuffix("h0m0s"))
    #expect(KeepAlive(seconds: .nan) == .forever)
  }

  @Test func `A century is the longest time`() throws {
    let century = KeepAlive.after(.seconds(3_155_760_000))
    #expect(try KeepAlive(parsing: "2400000h") == century)
    #expect(KeepAlive(seconds: 1e300) == century)
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelOllama
import Testing

@Suite struct OllamaMomentTests {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000000000Z"), (1_795_275_952_123_456_789, "2026-11-21T15:45:52.123456789Z"),
    (951_827_696_000_000_001, "2000-02-29T12:34:56.000000001Z"), (-1, "1969-12-31T23:59:59.999999999Z"),
  ]) func `Times are written in UTC with nanoseconds`(wall: Int64, text: String) {
    #expect(OllamaMoment(wall: wall, steady: 0).text == text)
  }
}

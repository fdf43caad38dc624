// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import Testing

@testable import PetrelCommands

@Suite struct CheckProgressTests {
  @Test func `A pull is told once a second, a check by tenths`() throws {
    let fixture = try CommandFixture()
    let time = Counter()
    // Each line comes a third of a second after the one before.
    var progress = CheckProgress(output: fixture.context().errors, uptime: { .milliseconds(334 * time.next()) })
    for checked in 0...6 {
      progress.show(
        StoreCheckLine(.progress, message: "Pulling m", checked: Int64(checked) * 1_000_000, total: 8_000_000))
    }
    #expect(
      fixture.errors == """
        Pulling m (0.00B of 8.00MB)
        Pulling m (3.00MB of 8.00MB)
        Pulling m (6.00MB of 8.00MB)

        """)
  }
}

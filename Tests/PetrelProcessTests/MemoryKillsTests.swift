// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PetrelProcess

@Suite struct MemoryKillsTests {
  @Test(arguments: [
    ("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n", 2),
    ("oom_kill_disable 0\nunder_oom 0\noom_kill 7\n", 7), ("", nil), ("oom_kill\n", nil), ("oom_kill many\n", nil),
  ]) func `Both versions of control groups count what was ended for memory`(text: String, count: Int?) {
    #expect(MemoryKills.kills(in: text) == count)
  }

  @Test func `Only more than before is a sign`() {
    // No process has this number.
    let pid: Int32 = 0x7FFF_FFFF
    #expect(MemoryKills(count: 3).isMore(than: MemoryKills(count: 2), pid: pid))
    #expect(!MemoryKills(count: 2).isMore(than: MemoryKills(count: 2), pid: pid))
    #expect(!MemoryKills(count: nil).isMore(than: MemoryKills(count: 2), pid: pid))
    #expect(!MemoryKills(count: 3).isMore(than: MemoryKills(count: nil), pid: pid))
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelEngines

@Suite struct HostFactsTests {
  @Test(arguments: [
    (
      "processor\t: 0\nflags\t\t: fpu avx sse4_2 avx2 fma f16c\nflags\t\t: fpu\n",
      ["sse4_2", "avx", "f16c", "fma", "avx2"]
    ),
    ("processor\t: 0\nFeatures\t: fp asimd asimddp i8mm\n", ["asimd", "asimddp", "i8mm"]), ("", []), ("flags", []),
  ]) func `Instruction sets that matter are found`(text: String, features: [String]) {
    #expect(HostFacts.features(ofCPUInfo: text) == features)
  }

  @Test func `Cards are told by name or by maker, each once`() async throws {
    try await withTemporaryFolder { folder in
      #expect(HostFacts.gpus(below: folder).isEmpty)
      for (card, vendor) in [
        ("card0", "0x1002\n"), ("card1", "0x10de\n"), ("card2", "0x1af4\n"), ("card0-DP-1", "0x8086"),
      ] {
        try folder.appending("sys/class/drm/\(card)/device/vendor").write(vendor)
      }
      #expect(HostFacts.gpus(below: folder) == ["AMD", "NVIDIA"])
      try folder.appending("proc/driver/nvidia/gpus/0000:01:00.0/information").write(
        "Model: \t\t NVIDIA L4\nIRQ: 1\n")
      #expect(HostFacts.gpus(below: folder) == ["NVIDIA L4", "AMD"])
    }
  }

  @Test func `All is said in one line`() {
    #expect(HostFacts(features: ["avx2", "fma"], gpus: []).description == "CPU: avx2 fma; GPU: none found")
    #expect(HostFacts(features: [], gpus: ["AMD", "L4"]).description == "CPU: unknown; GPU: AMD, L4")
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelStore
import PetrelTestSupport
import Testing

@testable import PetrelLibrary

/// A newer state of a repository whose model is here already.
@Suite struct HubUpdateTests {
  private static let old = TinyGGUF.bytes(template: "a", seed: 4)
  private static let new = TinyGGUF.bytes(template: "b", dataSize: 3_000_000, seed: 8)

  /// What was found to be out of date is not called a success.
  @Test func anUpdateThatBreaksOffIsAFailureAndLeavesTheModelThatIsHere() async throws {
    try await HubFixture.with { fixture in
      fixture.hub.commit("Org/M", large: ["m.gguf": Self.old])
      try await fixture.pull("hf.co/Org/M")
      fixture.hub.commit("Org/M", large: ["m.gguf": Self.new])
      let path = "/store/\(Digest(of: Self.new).hex)"
      // The first request is the look at the header.
      fixture.hub.inject(.ignoreRange, at: path)
      fixture.hub.inject(.status(503), at: path, times: 3)
      let failed = try await fixture.pull("hf.co/Org/M")
      #expect(failed.type == .error, "\(failed.message)")
      #expect(try await fixture.library.resolve("hf.co/Org/M").manifest.layers[0].digest == Digest(of: Self.old))
      let done = try await fixture.pull("hf.co/Org/M")
      #expect(done.message == "Model pulled successfully")
      #expect(try await fixture.library.resolve("hf.co/Org/M").manifest.layers[0].digest == Digest(of: Self.new))
    }
  }

  @Test func aModelThatLostAFileIsNotUsedWithoutNetwork() async throws {
    try await HubFixture.with { fixture in
      fixture.hub.commit("Org/M", large: ["m.gguf": Self.old])
      try await fixture.pull("hf.co/Org/M")
      try await fixture.store.markDamaged(Digest(of: Self.old))
      await fixture.hub.goOffline()
      #expect(await libraryError { try await fixture.library.pull("hf.co/Org/M") }?.code == .registry)
    }
  }
}

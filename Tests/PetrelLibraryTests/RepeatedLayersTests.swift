// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelStore
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelLibrary

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Image models often have the same file in several folders.
@Suite struct RepeatedLayersTests {
  @Test func theSameLayerTwiceComesOnceAndIsTwoFiles() async throws {
    try await LibraryFixture.with { fixture in
      let model = try FakeModel(layerSizes: [500_000])
      var manifest = model.manifest
      manifest.config.mediaType = MediaType.configV02
      manifest.layers += (0..<6).map { number in
        var layer = manifest.layers[0]
        layer.mediaType = MediaType.modelFile
        layer.annotations = [LayerAnnotation.filePath: "folder-\(number)/copy.bin"]
        return layer
      }
      fixture.registry.add(model, to: "org/twins")
      fixture.registry.addManifest(try manifest.serialized(), to: "org/twins", tag: "latest")
      let lines = try await fixture.pull(fixture.name("org/twins"))
      #expect(lines.last?.type == .success)
      #expect(lines.dropLast().allSatisfy { $0.total == 500_000 })
      #expect(fixture.offsets(model.layers[0].digest).count == 1)
      let bundle = try await fixture.library.bundle(for: try await fixture.library.resolve(fixture.name("org/twins")))
      for number in 0..<6 {
        let path = bundle.modelDirectory.appending("folder-\(number)").appending("copy.bin")
        let bytes = try #require(FileManager.default.contents(atPath: path.string))
        #expect(Digest(of: Array(bytes)) == model.layers[0].digest)
      }
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PetrelAPI
import PetrelLibrary
import PetrelOCI
import PetrelStore
import PetrelTestSupport
import PetrelWire
import SystemPackage
import Testing

@testable import PetrelServer

@Suite struct ModelListingCacheTests {
  @Test func itIsTheSameJSONAndKeepsUpWithTags() async throws {
    try await withTemporaryFolder { folder in
      let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
      let store = try await ModelStore.open(at: folder.appending("m"), logger: logger)
      let cache = ModelListingCache()
      func listed() async throws -> String { String(buffer: try cache.json(of: try await store.list())) }
      #expect(try await listed() == "[]\n")

      var ids: [Digest] = []
      for number in 0..<3 {
        let model = try FakeModel(layerSizes: [10 + number])
        for (layer, content) in zip(model.layers, model.layerContents) {
          try await store.writeBlob(Array(content.readableBytesView), as: layer)
        }
        try await store.writeBlob(model.configBytes, as: model.config)
        ids.append(
          try await store.commit(manifest: model.manifestBytes, tag: ModelReference(parsing: "m\(number)")).id)
        let expected = try CanonicalJSONEncoder().encode(try await store.list().map(ModelObject.init)) + "\n"
        #expect(try await listed() == expected)
        #expect(try await listed() == expected)
      }
      try await store.tag(ids[0], as: ModelReference(parsing: "m2"))
      _ = try await store.remove(ModelSelector(parsing: "m1"), force: false)
      let expected = try CanonicalJSONEncoder().encode(try await store.list().map(ModelObject.init)) + "\n"
      #expect(try await listed() == expected)
      #expect(expected.contains("m2:latest") && !expected.contains("m1:latest"))
    }
  }
}

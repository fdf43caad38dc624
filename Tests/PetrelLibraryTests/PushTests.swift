// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelTestSupport
import Testing

@testable import PetrelLibrary

@Suite struct PushTests {
  @Test func takesBlobsFromWhereTheModelCameFrom() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/model", layerSizes: [50_000, 60])
      try await fixture.pull(fixture.name("org/model"))
      try await fixture.library.tag(fixture.name("org/model"), as: fixture.name("team/new", tag: "v1"))
      fixture.registry.forgetRequests()
      let lines = try await fixture.library.push(fixture.name("team/new", tag: "v1"))
        .reduce(into: [ProgressLine]()) { $0.append($1) }
      #expect(lines.last?.message == "Model pushed successfully")
      #expect(fixture.registry.manifest("v1", in: "team/new") == model.manifestBytes)
      #expect(fixture.registry.requests.allSatisfy { $0.method != "PUT" || $0.path.contains("/manifests/") })
      let mounts = fixture.registry.requests("POST", at: "uploads/").map(\.query)
      #expect(mounts.count == 3)
      #expect(mounts.allSatisfy { $0.hasSuffix("from=org%2Fmodel") })
      // Each layer is reported, though nothing was sent.
      for layer in model.layers {
        #expect(lines.last { $0.layer.id == layer.digest.description }?.layer.current == layer.size)
      }
      #expect(lines.dropLast().allSatisfy { $0.total == 50_060 })
    }
  }

  @Test func uploadsWhereNothingIsKnown() async throws {
    try await FakeRegistry.withRegistry { other in
      try await LibraryFixture.with { fixture in
        let model = try fixture.registry.addModel("org/model", layerSizes: [300_000])
        try await fixture.pull(fixture.name("org/model"))
        let target = other.reference("org/model", tag: "v1").description
        try await fixture.library.tag(fixture.name("org/model"), as: target)
        _ = try await fixture.library.push(target).reduce(into: [ProgressLine]()) { $0.append($1) }
        #expect(other.blob(model.layers[0].digest, in: "org/model") == model.layerContents[0])
        #expect(other.requests("POST", at: "uploads/").allSatisfy { $0.query.isEmpty })
      }
    }
  }
}

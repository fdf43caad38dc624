// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelStore
import PetrelTestSupport
import SystemPackage
import Testing

@Suite struct IndexTests {
  @Test func writesTheFilesAsDockerModelRunnerDoes() async throws {
    try await withStore { store in
      let root = store.layout.root
      #expect(try contents(root.appending("layout.json")) == bytes("{\n  \"version\": \"1.0.0\"\n}"))
      #expect(try contents(root.appending("models.json")) == bytes("{\n  \"models\": []\n}"))
      let model = try SampleModel("a")
      let id = try await model.add(to: store, tag: "model:v1").id
      let untagged = try await SampleModel("b").add(to: store)
      let expected = """
        {
          "models": [
            {
              "id": "\(id)",
              "tags": [
                "docker.io/ai/model:v1"
              ],
              "files": [
                "\(model.layers[0].descriptor.digest)",
                "\(model.manifest.config.digest)"
              ]
            },
            {
              "id": "\(untagged.id)",
              "tags": null,
              "files": [
                "\(untagged.manifest.layers[0].digest)",
                "\(untagged.manifest.config.digest)"
              ]
            }
          ]
        }
        """
      #expect(try contents(root.appending("models.json")) == bytes(expected))
      #expect(
        try contents(root.appending("manifests").appending("sha256").appending(id.hex)) == model.manifest.serialized())
    }
  }

  @Test func acceptsNullAndMigratesOldTags() async throws {
    try await withScratch { root in
      let store = try await openStore(root)
      let index = root.appending("models.json")
      try write(bytes(#"{"models":null}"#), to: index)
      #expect(try await store.list().isEmpty)
      let model = try await SampleModel("a").add(to: store)
      let text = """
        {"models":[{"id":"\(model.id)","tags":["hf.co/org/m:Q4"],"files":["\(model.manifest.layers[0].digest)",
        "\(model.manifest.config.digest)"]},{"id":"sha512:odd","tags":null,"files":null}]}
        """
      try write(bytes(text), to: index)
      #expect(try await store.find(selector("hf.co/org/m:Q4"))?.tags == ["huggingface.co/org/m:Q4"])
      #expect(try await store.list().map(\.id) == [model.id])
      // What we do not understand stays when we write.
      try await store.tag(model.id, as: ModelReference(parsing: "x"))
      #expect(String(decoding: try contents(index), as: UTF8.self).contains("sha512:odd"))
    }
  }

  @Test(arguments: [#"{"models":[{"id":"sha256:"#, "", #"{"models":[{"tags":[]}]}"#, "[]"])
  func aTornIndexIsAnErrorAndStays(_ text: String) async throws {
    try await withScratch { root in
      let store = try await openStore(root)
      let model = try await SampleModel("a").add(to: store, tag: "a")
      let index = root.appending("models.json")
      try write(bytes(text), to: index)
      #expect(await storeErrorCode { try await store.list() } == .corrupt)
      #expect(await storeErrorCode { try await SampleModel("b").add(to: store, tag: "b") } == .corrupt)
      #expect(await storeErrorCode { try await store.remove(selector("a"), force: true) } == .corrupt)
      #expect(await storeErrorCode { try await store.removeOrphans(olderThan: -1) } == .corrupt)
      #expect(try contents(index) == bytes(text))
      #expect(try await store.contains(model.manifest.layers[0]))
    }
  }

  @Test func findsByEveryKindOfName() async throws {
    try await withStore { store in
      let first = try await SampleModel("a").add(to: store, tag: "a")
      let second = try await SampleModel("b").add(to: store, tag: "localhost:5000/foo/bar:v1")
      for text in [
        "a", "ai/a", "docker.io/ai/a:latest", "index.docker.io/a", first.id.description, first.id.hex, first.id.short,
        "anything/else@\(first.id)",
      ] {
        #expect(try await store.find(selector(text))?.id == first.id, "\(text)")
      }
      #expect(try await store.find(selector("bar")) == nil)
      #expect(try await store.find(selector("a:other")) == nil)
      #expect(try await store.findByPartialName("bar")?.id == second.id)
      #expect(try await store.findByPartialName("ar") == nil)
      #expect(try await store.findByPartialName("sha256:" + second.id.hex.prefix(9))?.id == second.id)
      #expect(try await store.findByPartialName("sha256:") == nil)
    }
  }

  @Test func seesWhatAnotherProcessChanged() async throws {
    try await withScratch { root in
      let ours = try await openStore(root)
      let theirs = try await ModelStore.open(at: root, logger: quietLogger, isExclusive: false)
      let model = try await SampleModel("a").add(to: ours, tag: "a")
      #expect(try await theirs.find(selector("a"))?.id == model.id)
      try await theirs.tag(model.id, as: ModelReference(parsing: "b"))
      #expect(try await ours.find(selector("b"))?.tags == ["docker.io/ai/a:latest", "docker.io/ai/b:latest"])
    }
  }

  @Test func concurrentWritersLoseNothing() async throws {
    try await withScratch { root in
      let stores = [
        try await openStore(root), try await ModelStore.open(at: root, logger: quietLogger, isExclusive: false),
      ]
      let ids = try await withThrowingTaskGroup { group in
        for number in 0..<24 {
          group.addTask {
            let model = try await SampleModel("model \(number)").add(to: stores[number % 2], tag: "m\(number)")
            try await stores[(number + 1) % 2].tag(model.id, as: ModelReference(parsing: "extra\(number)"))
            return model.id
          }
        }
        var ids: Set<Digest> = []
        for try await id in group { ids.insert(id) }
        return ids
      }
      let models = try await stores[0].list()
      #expect(Set(models.map(\.id)) == ids)
      #expect(models.allSatisfy { $0.tags.count == 2 })
    }
  }

  @Test func opensWithAThousandModelsThatAreNotThere() async throws {
    try await withScratch { root in
      let index = root.appending("models.json")
      let model = try SampleModel("a")
      do {
        try await model.add(to: try await openStore(root))
        // None of them has a manifest.
        let others = (0..<1000).map { number in
          #"{"id":"\#(Digest(ofText: "\(number)"))","tags":["docker.io/ai/m\#(number):latest"],"files":[]},"#
        }
        var text = index.text
        let start = try #require(text.firstIndex(of: "["))
        text.insert(contentsOf: others.joined(), at: text.index(after: start))
        try write(bytes(text), to: index)
      }
      #expect(try await openStore(root).list().map(\.id) == [model.id])
    }
  }

  @Test func aSecondDaemonIsRefused() async throws {
    try await withScratch { root in
      let first = try await openStore(root)
      do {
        _ = try await openStore(root)
        Issue.record("the store was opened twice")
      } catch let error as StoreError {
        #expect(error.code == .busy)
        #expect(error.message.contains("another petrel daemon (pid "))
        #expect(error.message.contains(root.string))
      }
      withExtendedLifetime(first) {}
    }
    try await withScratch { root in
      _ = try await openStore(root)
      // Let go: it can be claimed again.
      _ = try await openStore(root)
      #expect(exists(root.appending("layout.json")))
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelAPI
import PetrelEngines
import PetrelOCI
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelScheduling

@Suite(.timeLimit(.minutes(10))) struct SettingsStoreTests {
  private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
  private let a = RunnerKey(model: Digest(of: Array("a".utf8)), mode: .completion)
  private let b = RunnerKey(model: Digest(of: Array("b".utf8)), mode: .completion)

  private func context(_ size: Int) -> SettingsChange {
    var change = SettingsChange()
    change.contextSize = .set(size)
    return change
  }

  @Test func `Settings outlive the daemon`() async throws {
    try await withTemporaryFolder { folder in
      let file = folder.appending("settings.json")
      let store = try SettingsStore(file, logger: logger)
      try await store.change(a, context(2048)) { _ in }
      var change = SettingsChange()
      change.keepAlive = .set(.forever)
      try await store.change(a, change) { _ in }
      try await store.change(b, context(512)) { _ in }
      let reopened = try SettingsStore(file, logger: logger)
      #expect(reopened.effective(a).contextSize == 2048)
      #expect(reopened.effective(a).keepAlive == .forever)
      #expect(reopened.effective(b).contextSize == 512)
      #expect(folder.names == ["settings.json"])
    }
  }

  @Test func `A change that is refused, or can't be stored, changes nothing`() async throws {
    try await withTemporaryFolder { folder in
      let file = folder.appending("sub/settings.json")
      let store = try SettingsStore(file, logger: logger)
      await #expect(throws: EngineError.self) {
        try await store.change(a, context(1)) { _ in throw EngineError(.invalidSettings, "no") }
      }
      // Its folder is missing.
      await #expect(throws: (any Error).self) { try await store.change(a, context(2)) { _ in } }
      #expect(store.effective(a).isEmpty)
      try folder.appending("sub/.keep").write("")
      try await store.change(a, context(3)) { _ in }
      #expect(store.effective(a).contextSize == 3)
    }
  }

  @Test func `Changes at the same time all count`() async throws {
    try await withTemporaryFolder { folder in
      let store = try SettingsStore(folder.appending("settings.json"), logger: logger)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 1...20 {
          group.addTask {
            let key = RunnerKey(model: Digest(of: [UInt8(number)]), mode: .completion)
            try await store.change(key, self.context(number)) { _ in }
          }
        }
        try await group.waitForAll()
      }
      let reopened = try SettingsStore(folder.appending("settings.json"), logger: logger)
      #expect(reopened.all.compactMap(\.settings.contextSize).sorted() == Array(1...20))
    }
  }

  @Test func `What is set for completion holds for other modes, where those say nothing`() async throws {
    let store = try SettingsStore(nil, logger: logger)
    let embedding = RunnerKey(model: a.model, mode: .embedding)
    var change = context(2048)
    change.reasoningBudget = .set(0)
    change.keepAlive = .set(.after(.seconds(30)))
    try await store.change(a, change) { _ in }
    #expect(store.effective(embedding).contextSize == 2048)
    #expect(store.effective(embedding).reasoningBudget == nil)
    try await store.change(embedding, context(256)) { _ in }
    #expect(store.effective(embedding).contextSize == 256)
    #expect(store.effective(embedding).keepAlive == .after(.seconds(30)))
    #expect(store.effective(a).contextSize == 2048)
  }

  @Test func `Settings go with their model`() async throws {
    let store = try SettingsStore(nil, logger: logger)
    try await store.change(a, context(1)) { _ in }
    try await store.change(b, context(2)) { _ in }
    try await store.forget { $0 == a.model }
    #expect(store.all.map(\.key) == [b])
  }

  @Test func `Settings that were taken back leave nothing`() async throws {
    let store = try SettingsStore(nil, logger: logger)
    try await store.change(a, context(1)) { _ in }
    var change = SettingsChange()
    change.contextSize = .clear
    try await store.change(a, change) { _ in }
    #expect(store.all.isEmpty)
  }

  @Test func `A damaged file is kept aside, one of a newer version keeps the daemon from starting`() async throws {
    try await withTemporaryFolder { folder in
      let file = folder.appending("settings.json")
      try file.write("{\"version\":1,\"models\":[")
      #expect(try SettingsStore(file, logger: logger).all.isEmpty)
      #expect(folder.names == ["settings.json.damaged"])
      try file.write("{\"version\":2,\"models\":{}}")
      let error = #expect(throws: SettingsError.self) { try SettingsStore(file, logger: logger) }
      #expect(error?.message.contains("newer petrel") == true)
      #expect(file.exists)
    }
  }
}

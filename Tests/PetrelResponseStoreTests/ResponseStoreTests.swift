// SPDX-License-Identifier: Apache-2.0

import GRDB
import Logging
import PetrelTestSupport
import PetrelWire
import Synchronization
import SystemPackage
import Testing

@testable import PetrelResponseStore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct ResponseStoreTests {
  private final class Clock: Sendable {
    let seconds = Mutex<Int64>(1_000_000)
    var now: Int64 { seconds.withLock { $0 } }
    func advance(by more: Int64) { seconds.withLock { $0 += more } }
  }

  private func withStore<Result>(
    limits: ResponseLimits = ResponseLimits(),
    _ body: (ResponseStore, FilePath, Clock) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryFolder { folder in
      let clock = Clock()
      let path = folder.appending("responses.sqlite")
      let store = store(path, clock, limits)
      let result = try await body(store, path, clock)
      await store.close()
      return result
    }
  }

  private func store(_ path: FilePath, _ clock: Clock, _ limits: ResponseLimits = ResponseLimits()) -> ResponseStore {
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    return ResponseStore(path: path, limits: limits, logger: logger) { clock.now }
  }

  private func turn(_ id: String, after previous: String? = nil) -> StoredResponse {
    StoredResponse(
      id: id, previousID: previous, input: [["role": "user", "content": .string("ask \(id)")]],
      body: ["id": .string(id), "output": [["role": "assistant", "content": .string("say \(id) größe \u{0}")]]])
  }

  private func isThere(_ id: String, _ store: ResponseStore) async -> Bool {
    (try? await store.response(id)) != nil
  }

  @Test func `A response comes back as it was, also with a new store`() async throws {
    try await withStore { store, path, clock in
      try await store.save(turn("a"))
      #expect(try await store.response("a") == turn("a"))
      // As after `kill -9`: the first store is not closed.
      let other = self.store(path, clock)
      #expect(try await other.response("a") == turn("a"))
      await other.close()
    }
  }

  @Test func `A conversation that is too large by itself is not kept on, and nothing else goes for it`() async throws {
    try await withStore(limits: ResponseLimits(bytes: 400_000)) { store, _, _ in
      try await store.save(turn("a"))
      var large = turn("large")
      large.input = [["content": .string(String(repeating: "x", count: 400_000))]]
      let error = await #expect(throws: ResponseStoreError.self) { try await store.save(large) }
      #expect(error?.code == .tooLarge)
      #expect(await isThere("a", store))
      #expect(await !isThere("large", store))
    }
  }

  @Test func `A file of a version that knew no owners is read on`() async throws {
    try await withStore { store, path, clock in
      try await store.save(turn("a"))
      await store.close()
      let old = try DatabaseQueue(path: path.string)
      try await old.write { try $0.execute(sql: "ALTER TABLE response DROP COLUMN owner") }
      try old.close()
      let other = self.store(path, clock)
      #expect(try await other.response("a", for: "one") == turn("a"))
      var mine = turn("b")
      mine.owner = "one"
      try await other.save(mine)
      #expect(try await other.response("b", for: "one").owner == "one")
      await #expect(throws: ResponseStoreError.self) { try await other.response("b", for: "two") }
      await other.close()
    }
  }

  @Test func `A chain has every turn, inputs and outputs, in order`() async throws {
    try await withStore { store, _, _ in
      try await store.save(turn("a"))
      try await store.save(turn("b", after: "a"))
      try await store.save(turn("side", after: "a"))
      try await store.save(turn("c", after: "b"))
      let texts = try await store.history(upTo: "c").compactMap { $0["content"]?.string?.prefix(5) }
      #expect(texts == ["ask a", "say a", "ask b", "say b", "ask c", "say c"])
    }
  }

  @Test func `What is not there is said, also in the middle of a chain`() async throws {
    try await withStore { store, _, _ in
      try await store.save(turn("a"))
      try await store.save(turn("b", after: "a"))
      try await store.delete("a")
      #expect(await isThere("b", store))
      for id in ["b", "nothing"] {
        let error = await #expect(throws: ResponseStoreError.self) { try await store.history(upTo: id) }
        #expect(error?.code == .notFound)
      }
      let again = await #expect(throws: ResponseStoreError.self) { try await store.delete("a") }
      #expect(again?.code == .notFound)
      await #expect(throws: ResponseStoreError.self) { try await store.response("a") }
    }
  }

  @Test func `Conversations that were not used for long go first, and as a whole`() async throws {
    try await withStore(limits: ResponseLimits(count: 4)) { store, _, clock in
      for (id, previous) in [("a", nil), ("b", nil), ("a2", "a"), ("b2", "b")] as [(String, String?)] {
        clock.advance(by: 1)
        try await store.save(turn(id, after: previous))
      }
      clock.advance(by: 1)
      // Used again by being gone on from.
      _ = try await store.history(upTo: "a2")
      try await store.save(turn("c"))
      for (id, isKept) in [("a", true), ("a2", true), ("c", true), ("b", false), ("b2", false)] {
        #expect(await isThere(id, store) == isKept, "\(id)")
      }
    }
  }

  @Test func `One conversation alone is never cut`() async throws {
    try await withStore(limits: ResponseLimits(count: 2)) { store, _, _ in
      var previous: String?
      for number in 0..<5 {
        try await store.save(turn("r\(number)", after: previous))
        previous = "r\(number)"
      }
      #expect(try await store.history(upTo: "r4").count == 10)
    }
  }

  @Test func `What is too old is gone, whether it was removed or not`() async throws {
    try await withStore(limits: ResponseLimits(age: .seconds(60))) { store, _, clock in
      try await store.save(turn("a"))
      clock.advance(by: 61)
      await #expect(throws: ResponseStoreError.self) { try await store.response("a") }
      await #expect(throws: ResponseStoreError.self) { try await store.history(upTo: "a") }
      try await store.save(turn("b"))
      clock.advance(by: -61)
      #expect(await !isThere("a", store))
    }
  }

  @Test func `A damaged file is set aside`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("responses.sqlite")
      try path.write(String(repeating: "no database ", count: 500))
      let store = store(path, Clock())
      try await store.save(turn("a"))
      #expect(try await store.response("a") == turn("a"))
      #expect(FilePath(path.string + ".damaged").text.hasPrefix("no database"))
      await store.close()
    }
  }

  @Test func `A place that can't be written to is told`() async throws {
    let store = store("/nowhere/responses.sqlite", Clock())
    let error = await #expect(throws: ResponseStoreError.self) { try await store.save(turn("a")) }
    #expect(error?.code == .unusable)
  }

  @Test func `Nobody else may read the file`() async throws {
    try await withStore { store, path, _ in
      try await store.save(turn("a"))
      let attributes = try FileManager.default.attributesOfItem(atPath: path.string)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelAPI
import PetrelOCI
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelRecords

@Suite(.timeLimit(.minutes(10))) struct RecordStoreTests {
  private static let second: Int64 = 1_000_000_000
  private static let a = Digest(ofText: "a")
  private static let b = Digest(ofText: "b")

  private func store(
    _ path: FilePath?, limits: RecordLimits = RecordLimits(), now: Int64 = 1_000_000 * second
  ) -> RecordStore {
    RecordStore(path: path, limits: limits, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) { now }
  }

  private func record(
    _ number: Int, of model: Digest = a, at seconds: Int64 = 999_999, request: String? = nil
  ) -> StoredRecord {
    let time = seconds * Self.second + 5
    return StoredRecord(
      model: model, mode: "completion", time: time,
      record: RequestRecord(
        id: "\(model)_\(time)", model: "ai/x", method: "POST", url: "/v1/chat/completions",
        request: request ?? "request \(number)", response: number % 2 == 0 ? "{}" : nil,
        error: number % 2 == 0 ? nil : "{\"error\":\"ü\"}", timestamp: seconds, statusCode: number,
        userAgent: number % 3 == 0 ? "curl" : nil, origin: number % 3 == 0 ? nil : "o"))
  }

  private func numbers(_ store: RecordStore, _ count: Int = 100, of model: Digest = a) async -> [Int] {
    await store.latest(count, of: model).map(\.record.statusCode)
  }

  @Test func `Records are read as they were written, by model`() async {
    let store = store(nil)
    #expect(await store.models() == [])
    let records = (1...5).map { record($0) }
    await store.append(records + [record(6, of: Self.b)])
    #expect(await store.models() == [Self.a, Self.b])
    #expect(await store.latest(100, of: Self.a) == records)
    #expect(await numbers(store, 2) == [4, 5])
    await store.append([record(7)])
    #expect(await store.models() == [Self.b, Self.a])
  }

  @Test func `Records outlive the store, closed or not, and nobody else may read them`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("requests.db")
      let first = store(path)
      #expect(await first.models() == [])
      #expect(!path.exists)
      await first.append([record(1)])
      let status = try path.stat()
      #expect(status.permissions == .ownerReadWrite)
      // A daemon that is killed does not close it.
      #expect(await numbers(store(path)) == [1])
      await first.append([record(2)])
      await first.close()
      #expect(folder.names == ["requests.db"])
      #expect(await numbers(store(path)) == [1, 2])
      await first.append([record(3)])
      #expect(await numbers(first) == [1, 2, 3])
    }
  }

  @Test func `Old records go`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("requests.db")
      let limits = RecordLimits(age: .seconds(60))
      let early = store(path, limits: limits)
      await early.append([record(1, at: 999_930), record(2, at: 999_950), record(3, at: 999_990)])
      #expect(await numbers(early) == [2, 3])
      await early.close()
      let later = store(path, limits: limits, now: 1_000_020 * Self.second)
      #expect(await later.models() == [Self.a])
      #expect(await numbers(later) == [3])
      await later.close()
      let last = store(path, limits: limits, now: 1_000_090 * Self.second)
      await last.removeExpired()
      // Closed again, as it was not open before.
      #expect(folder.names == ["requests.db"])
      #expect(await numbers(last) == [])
    }
  }

  @Test func `The oldest go when there are too many, and the file stays small`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("requests.db")
      let store = store(path, limits: RecordLimits(bytes: 1_048_576))
      for batch in 0..<20 {
        await store.append(
          (0..<10).map { record(batch * 10 + $0, request: String(repeating: "x", count: 20_000)) })
      }
      let kept = await numbers(store, 1000)
      #expect(kept.last == 199 && kept == Array((199 - kept.count + 1)...199))
      #expect((30...52).contains(kept.count))
      await store.close()
      #expect(path.text.utf8.count <= 1_048_576)
    }
  }

  @Test(arguments: ["garbage", "SQLite format 3\0 and nothing that follows from it", "cut", "middle", "newer"])
  func `A damaged file is set aside, and recording goes on`(damage: String) async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("requests.db")
      let first = store(path)
      await first.append((1...200).map { record($0, request: String(repeating: "y", count: 500)) })
      await first.close()
      var bytes = try bytes(of: path)
      switch damage {
      case "cut": bytes.removeLast(bytes.count / 2)
      case "middle": for index in 4096..<bytes.count { bytes[index] = 0x5A }
      // `user_version`, big endian.
      case "newer": bytes.replaceSubrange(60..<64, with: [0, 0, 0, 99])
      default: bytes = Array((damage + String(repeating: "?", count: 5000)).utf8)
      }
      let file = try FileDescriptor.open(path, .writeOnly, options: .truncate)
      _ = try file.closeAfter { try file.writeAll(bytes) }

      let second = store(path)
      await second.append([record(7)])
      await second.append([record(8)])
      #expect(await numbers(second).suffix(2) == [7, 8])
      #expect(await second.models() == [Self.a])
      await second.close()
      #expect(folder.names.contains("requests.db.damaged"))
      #expect(await numbers(store(path)) == [7, 8])
    }
  }

  @Test func `A place where no file can be leaves records in memory`() async throws {
    try await withTemporaryFolder { folder in
      try folder.appending("requests.db/file").write("a folder has the name")
      let store = store(folder.appending("requests.db"))
      await store.append([record(1)])
      await store.close()
      await store.append([record(2)])
      #expect(await numbers(store) == [1, 2])
    }
  }

  private func bytes(of path: FilePath) throws -> [UInt8] {
    let file = try FileDescriptor.open(path, .readOnly)
    return try file.closeAfter {
      var bytes: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 65536)
      while case let count = try chunk.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
        bytes += chunk[..<count]
      }
      return bytes
    }
  }
}

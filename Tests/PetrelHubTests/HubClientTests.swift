// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import PetrelOCI
import PetrelRegistry
import PetrelTestSupport
import Synchronization
import Testing

@testable import PetrelHub

@Suite struct HubClientTests {
  private static let weights = [UInt8](repeating: 7, count: 5000)

  /// Runs `body` with a hub that has one repository, and a client of it that does not wait between tries.
  private func withHub(_ body: (FakeHub, HubClient, Pauses) async throws -> Void) async throws {
    try await FakeHub.with { hub in
      hub.commit(
        "Org/Model", large: ["m-Q8_0.gguf": Self.weights, "a b/ö#1.gguf": Array("odd".utf8)],
        small: ["README.md": Array("hello\n".utf8)])
      let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
      let pauses = Pauses()
      let http = HTTPClient(
        eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton),
        configuration: RegistryClient.configuration())
      let registries = RegistryClient(
        httpClient: http, credentials: RegistryCredentials(environment: [:], configFile: nil, logger: logger),
        configuration: RegistryConfiguration(
          retryPolicy: RetryPolicy(attempts: 3, sleep: { pauses.add($0) })), logger: logger)
      let settings = HubSettings(endpoint: hub.endpoint, environment: [:])
      do {
        try await body(hub, HubClient(web: registries.web, settings: settings), pauses)
        try await http.shutdown()
      } catch {
        try? await http.shutdown()
        throw error
      }
    }
  }

  private func error(_ body: () async throws -> some Any) async -> RegistryError? {
    do {
      _ = try await body()
      return nil
    } catch {
      return error as? RegistryError
    }
  }

  @Test func listsFilesOfAllPagesAndFoldersInTheStateOfTheCommit() async throws {
    try await withHub { hub, client, _ in
      hub.limitPages(to: 1)
      let revision = try await client.revision(of: HubName(parsing: "hf.co/org/model"), token: nil)
      #expect(revision.repository == "Org/Model" && revision.lastModified == "2024-05-01T10:00:00Z")
      hub.commit("Org/Model", large: ["later.gguf": [1]])
      let files = try await client.files(of: revision, token: nil)
      #expect(files.map(\.path).sorted() == ["README.md", "a b/ö#1.gguf", "m-Q8_0.gguf"])
      let weights = try #require(files.first { $0.path == "m-Q8_0.gguf" })
      #expect(weights.digest == Digest(of: Self.weights) && weights.size == 5000)
      let readme = try #require(files.first { $0.path == "README.md" })
      #expect(readme.digest == nil && readme.gitHash == "ce013625030ba8dba906f756967f9e9ca394464a")
    }
  }

  @Test func theNextPageMustBeAtTheSameHost() async throws {
    try await withHub { hub, client, _ in
      let revision = try await client.revision(of: HubName(parsing: "hf.co/org/model"), token: "t")
      hub.inject(.headers(["Link": "<http://127.0.0.2:1/x>; rel=\"next\""]), at: "/tree/")
      let refused = await error { try await client.files(of: revision, token: "t") }
      #expect(refused?.code == .refusedRedirect)
    }
  }

  @Test func theTokenDoesNotGoToTheHostThatFilesComeFrom() async throws {
    try await withHub { hub, client, _ in
      let revision = try await client.revision(of: HubName(parsing: "hf.co/Org/Model"), token: "hf_secret")
      for file in try await client.files(of: revision, token: "hf_secret") {
        let (answer, start) = try await client.open(file, in: revision, from: 1, token: "hf_secret")
        #expect(start == 1)
        #expect(try await answer.bytes(upTo: 10_000).count == Int(file.size) - 1)
      }
      #expect(hub.requests.allSatisfy { $0.authorization == "Bearer hf_secret" })
      #expect(hub.storeRequests.count == 2 && hub.storeRequests.allSatisfy { $0.authorization == nil })
      #expect(hub.storeRequests.allSatisfy { $0.range == "bytes=1-" })
    }
  }

  @Test func smallFilesAreChecked() async throws {
    try await withHub { hub, client, _ in
      let revision = try await client.revision(of: HubName(parsing: "hf.co/Org/Model"), token: nil)
      let files = try await client.files(of: revision, token: nil)
      let readme = try #require(files.first { $0.path == "README.md" })
      #expect(try await client.content(of: readme, in: revision, limit: 6, token: nil) == Array("hello\n".utf8))
      hub.inject(.wrongBytes, at: "README.md")
      let damaged = await error { try await client.content(of: readme, in: revision, limit: 6, token: nil) }
      #expect(damaged?.code == .digestMismatch)
      await #expect(throws: HubError.self) {
        try await client.content(of: readme, in: revision, limit: 5, token: nil)
      }
    }
  }

  @Test func theBeginningOfAFileIsReadFurtherWithoutReadingItAgain() async throws {
    try await withHub { hub, client, _ in
      let revision = try await client.revision(of: HubName(parsing: "hf.co/Org/Model"), token: nil)
      let weights = HubFile(path: "m-Q8_0.gguf", size: 5000, digest: Digest(of: Self.weights))
      let first = try await client.beginning(of: weights, in: revision, count: 100, known: [], token: nil)
      #expect(first.count == 100)
      let more = try await client.beginning(of: weights, in: revision, count: 9000, known: first, token: nil)
      #expect(more == Self.weights)
      #expect(hub.storeRequests.map(\.range) == ["bytes=0-99", "bytes=100-4999"])
      hub.inject(.ignoreRange, at: "/store/")
      let again = try await client.beginning(of: weights, in: revision, count: 200, known: first, token: nil)
      #expect(again == Array(Self.weights.prefix(200)))
    }
  }

  @Test func rangesGoWhereTheHubRedirectedToUntilTheyAreRefusedThere() async throws {
    try await withHub { hub, client, _ in
      let revision = try await client.revision(of: HubName(parsing: "hf.co/Org/Model"), token: nil)
      let weights = HubFile(path: "m-Q8_0.gguf", size: 5000, digest: Digest(of: Self.weights))
      let route = BlobRoute()
      func fetch(_ range: Range<Int64>, isFresh: Bool = false) async throws -> HubRange {
        let part = try await client.open(
          range, of: weights, in: revision, via: route, isFresh: isFresh, token: "hf_secret")
        var bytes: [UInt8] = []
        for try await chunk in part.body { bytes.append(contentsOf: chunk.readableBytesView) }
        #expect(bytes == Array(Self.weights[..<part.range.count]))
        return part
      }
      func resolved() -> Int { hub.requests.count { $0.path.contains("/resolve/") } }

      for range in [Int64(0)..<100, 100..<4000] {
        let part = try await fetch(range)
        #expect(part.range == range && part.isPartial)
      }
      #expect(resolved() == 1)
      hub.inject(.status(403), at: "/store/")
      #expect(try await fetch(4000..<5000).range == 4000..<5000)
      #expect(resolved() == 2)
      _ = try await fetch(0..<10, isFresh: true)
      #expect(resolved() == 3)
      #expect(hub.storeRequests.last?.headers.first(name: "Cache-Control") == "no-cache")
      hub.inject(.ignoreRange, at: "/store/")
      let whole = try await fetch(10..<20)
      #expect(whole.range == 0..<5000 && !whole.isPartial)
      hub.inject(.status(206, headers: ["Content-Range": "bytes 11-19/5000"]), at: "/store/")
      let wrong = await error { try await fetch(10..<20) }
      #expect(wrong?.code == .wrongRange)
      #expect(hub.storeRequests.allSatisfy { $0.authorization == nil })
    }
  }

  @Test func refusalsSayWhatToDo() async throws {
    try await withHub { hub, client, pauses in
      let missing = await error { try await client.revision(of: HubName(parsing: "hf.co/Org/None"), token: nil) }
      #expect(missing?.code == .unauthorized)
      #expect(missing?.message.contains("set HF_TOKEN") == true)
      let noRevision = await error {
        try await client.revision(of: HubName(parsing: "hf.co/Org/Model@none"), token: nil)
      }
      #expect(noRevision?.code == .notFound)
      #expect(noRevision?.message.contains("no such revision") == true)

      hub.gate("Org/Model", tokens: ["good"])
      let revision = try await client.revision(of: HubName(parsing: "hf.co/Org/Model"), token: nil)
      let weights = HubFile(path: "m-Q8_0.gguf", size: 5000, digest: Digest(of: Self.weights))
      for (token, code) in [(nil, RegistryError.Code.unauthorized), ("bad", .denied)] {
        let gated = await error { try await client.open(weights, in: revision, from: 0, token: token) }
        #expect(gated?.code == code)
        #expect(gated?.message.contains("accept the terms at https://huggingface.co/Org/Model") == true)
        #expect(gated?.message.contains("a message from the hub") == false)
      }
      _ = try await client.open(weights, in: revision, from: 0, token: "good").answer.discard()
      #expect(pauses.all.isEmpty)
    }
  }

  @Test func busyHubsAreWaitedForAsLongAsTheyAsk() async throws {
    try await withHub { hub, client, pauses in
      hub.inject(.status(429, headers: ["Retry-After": "7"]), at: "/revision/")
      hub.inject(.status(503), at: "/revision/")
      _ = try await client.revision(of: HubName(parsing: "hf.co/Org/Model"), token: nil)
      #expect(pauses.all.count == 2 && pauses.all[0] == .seconds(7))
      hub.inject(.status(500), at: "/revision/", times: 5)
      let once = await error {
        try await client.revision(of: HubName(parsing: "hf.co/Org/Model"), token: nil, tries: 1)
      }
      #expect(once?.code == .unavailable && pauses.all.count == 2)
    }
  }

  @Test func anExpiredAddressIsNoRefusalOfTheHub() async throws {
    try await withHub { hub, client, _ in
      let revision = try await client.revision(of: HubName(parsing: "hf.co/Org/Model"), token: nil)
      let weights = HubFile(path: "m-Q8_0.gguf", size: 5000, digest: Digest(of: Self.weights))
      hub.inject(.status(403), at: "/store/")
      let expired = await error { try await client.open(weights, in: revision, from: 0, token: nil) }
      #expect(expired?.code == .unavailable && expired?.isRetryable == true)
    }
  }

  @Test(arguments: ["{}", "[]", "{\"sha\":\"../..\"}", "<html>"])
  func nonsenseIsNoAnswer(body: String) async throws {
    try await withHub { hub, client, _ in
      hub.inject(.body(Array(body.utf8)), at: "/revision/")
      let refused = await error { try await client.revision(of: HubName(parsing: "hf.co/Org/Model"), token: nil) }
      #expect(refused?.code == .invalidResponse)
    }
  }

  @Test func entriesThatAreNoFilesAreLeftOut() async throws {
    try await withHub { hub, client, _ in
      let revision = try await client.revision(of: HubName(parsing: "hf.co/Org/Model"), token: nil)
      let listing = """
        [{"type":"file","path":"../up.gguf","size":1,"oid":"x"},{"type":"file","path":"/abs","size":1,"oid":"x"},
        {"type":"file","path":"neg","size":-1},{"type":"directory","path":"d","size":0,"oid":"x"},
        {"type":"file","path":"bad","size":1,"lfs":{"oid":"zz","size":1}},{"type":"file","path":"ok","size":1,"oid":"x"}]
        """
      hub.inject(.body(Array(listing.utf8)), at: "/tree/")
      #expect(try await client.files(of: revision, token: nil).map(\.path) == ["ok"])
    }
  }
}

/// Records pauses that nobody makes.
final class Pauses: Sendable {
  private let state = Mutex<[Duration]>([])
  var all: [Duration] { state.withLock { $0 } }
  func add(_ pause: Duration) { state.withLock { $0.append(pause) } }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelOCI
import Synchronization

/// A server with Hugging Face's API for reading and pushing, on a loopback port, that can be told to misbehave. Large files are
/// served by a second server on another port, to which the first redirects, as the hub does.
package final class FakeHub: Sendable {
  /// A file of a repository.
  struct Entry {
    var content: ByteBuffer
    /// In large file storage: listed with its digest, and redirected.
    var isLarge: Bool
  }

  struct Repository {
    var commit = ""
    var lastModified = ""
    var files: [String: Entry] = [:]
    var isGated = false
    /// Earlier states, and what branches and tags name.
    var commits: [String: [String: Entry]] = [:]
    var names: [String: String] = [:]
  }

  struct State {
    var repositories: [String: Repository] = [:]
    var requests: [RecordedRequest] = []
    var storeRequests: [RecordedRequest] = []
    var faults: [(part: String, method: String, fault: RegistryFault)] = []
    var tokens: Set<String> = []
    /// Who has one of these may push.
    var writers: Set<String> = []
    /// What has come into large file storage, by digest.
    var objects: [Digest: ByteBuffer] = [:]
    /// Parts of objects, by digest and number.
    var parts: [Digest: [Int: ByteBuffer]] = [:]
    /// Bytes of a part; nil where objects go in one piece.
    var partSize: Int?
    var pageSize = 1000
    var commitCount = 0
    var port = 0
    var storePort = 0
  }

  let state = Mutex(State())
  private let servers: Mutex<[FakeServer]> = Mutex([])

  private init() {}

  /// Runs `body` with a hub that is shut down afterwards.
  package static func with<Result>(
    isolation: isolated (any Actor)? = #isolation, _ body: (FakeHub) async throws -> Result
  ) async throws -> Result {
    let hub = FakeHub()
    let front = try await FakeServer.start { [weak hub] head, body in
      hub?.answer(head, body) ?? FakeResponse(.serviceUnavailable)
    }
    let store = try await FakeServer.start { [weak hub] head, body in
      hub?.answerFromStore(head, body) ?? FakeResponse(.serviceUnavailable)
    }
    hub.state.withLock { state in
      state.port = front.port
      state.storePort = store.port
    }
    hub.servers.withLock { $0 = [front, store] }
    func stop() async {
      for server in hub.servers.withLock({ $0 }) { await server.shutdown() }
    }
    do {
      let result = try await body(hub)
      await stop()
      return result
    } catch {
      await stop()
      throw error
    }
  }

  /// For `HF_ENDPOINT`.
  package var endpoint: String { "http://127.0.0.1:\(state.withLock { $0.port })" }

  // MARK: Content

  /// Sets the files of a repository, as a new commit on its main branch.
  ///
  /// - Parameters:
  ///   - large: of these the listing has digests.
  /// - Returns: the commit.
  @discardableResult
  package func commit(
    _ repository: String, large: [String: [UInt8]] = [:], small: [String: [UInt8]] = [:],
    lastModified: String = "2024-05-01T10:00:00.000Z"
  ) -> String {
    state.withLock { state in
      state.commitCount += 1
      let count = String(state.commitCount, radix: 16)
      let commit = String(repeating: "c", count: 40 - count.count) + count
      var files = large.mapValues { Entry(content: ByteBuffer(bytes: $0), isLarge: true) }
      files.merge(small.mapValues { Entry(content: ByteBuffer(bytes: $0), isLarge: false) }) { $1 }
      var known = state.repositories[repository] ?? Repository()
      known.commit = commit
      known.lastModified = lastModified
      known.files = files
      known.commits[commit] = files
      known.names["main"] = commit
      state.repositories[repository] = known
      return commit
    }
  }

  /// Gives a commit a name.
  package func name(_ commit: String, _ name: String, in repository: String) {
    state.withLock { $0.repositories[repository]?.names[name] = commit }
  }

  // MARK: Behaviour

  /// Lets only those read the repository's files who send one of `tokens`.
  package func gate(_ repository: String, tokens: Set<String>) {
    state.withLock { state in
      state.repositories[repository]?.isGated = true
      state.tokens = tokens
    }
  }

  /// Lets those push who send one of `tokens`.
  ///
  /// - Parameter partSize: larger objects go in parts of so many bytes.
  package func allowPushes(by tokens: Set<String>, partSize: Int? = nil) {
    state.withLock { state in
      state.writers = tokens
      state.partSize = partSize
    }
  }

  /// The newest content of a repository's files, by path; nil when there is no such repository.
  package func files(_ repository: String) -> [String: [UInt8]]? {
    state.withLock { $0.repositories[repository]?.files.mapValues { Array($0.content.readableBytesView) } }
  }

  /// Entries on one page of a listing.
  package func limitPages(to size: Int) { state.withLock { $0.pageSize = size } }

  /// Makes the next `times` requests go wrong whose path contains `part`; those to the second server begin with
  /// `/store/` and a digest.
  package func inject(_ fault: RegistryFault, at part: String, method: String = "GET", times: Int = 1) {
    state.withLock { state in
      for _ in 0..<times { state.faults.append((part, method, fault)) }
    }
  }

  /// Lets stalled responses go on.
  package func releaseStalls() {
    for server in servers.withLock({ $0 }) { server.gate.open() }
  }

  /// Stops answering, as if there were no network.
  package func goOffline() async {
    for server in servers.withLock({ $0 }) { await server.shutdown() }
  }

  // MARK: Records

  /// Requests to the hub itself.
  package var requests: [RecordedRequest] { state.withLock { $0.requests } }
  /// Requests to the server that it redirects to.
  package var storeRequests: [RecordedRequest] { state.withLock { $0.storeRequests } }

  package func forgetRequests() {
    state.withLock { state in
      state.requests = []
      state.storeRequests = []
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelOCI
import Synchronization

/// A container registry in this process, on a loopback port, that can be told to misbehave.
package final class FakeRegistry: Sendable {
  /// What requests below `/v2/` must carry.
  package enum Authentication: Sendable {
    case none
    case basic(user: String, password: String)
    /// A token from `realm`, by default the registry's own `/token`. With `user` and `password` the token server wants
    /// Basic credentials, with `identityToken` this refresh token; else everybody gets a token.
    case token(
      realm: String? = nil, user: String? = nil, password: String? = nil, identityToken: String? = nil,
      expiresIn: Int = 300)
  }

  struct StoredManifest {
    var bytes: [UInt8]
    var mediaType: String
  }

  struct State {
    var manifests: [String: [String: StoredManifest]] = [:]
    var blobs: [String: [Digest: ByteBuffer]] = [:]
    var requests: [RecordedRequest] = []
    var faults: [(suffix: String, method: String, fault: RegistryFault)] = []
    var authentication = Authentication.none
    /// Scopes of the tokens that were given out.
    var tokens: [String: Set<String>] = [:]
    var tokenCount = 0
    var uploadCount = 0
    /// What has come of uploads in chunks, by their names.
    var uploads: [String: ByteBuffer] = [:]
    var refusesMounts = false
    var minimumChunk: Int?
    var blobRedirect: String?
    var uploadBase = ""
    var port = 0
  }

  let state = Mutex(State())
  private let server: Mutex<FakeServer?> = Mutex(nil)

  private init() {}

  /// Starts a registry; the caller shuts it down.
  package static func start() async throws -> FakeRegistry {
    let registry = FakeRegistry()
    let server = try await FakeServer.start(
      intake: { [weak registry] head in registry?.limit(head) }
    ) { [weak registry] head, body in
      registry?.answer(head, body) ?? FakeResponse(.serviceUnavailable)
    }
    registry.state.withLock { $0.port = server.port }
    registry.server.withLock { $0 = server }
    return registry
  }

  package func shutdown() async {
    let server = server.withLock { server in
      defer { server = nil }
      return server
    }
    await server?.shutdown()
  }

  /// Runs `body` with a registry that is shut down afterwards.
  package static func withRegistry<Result>(
    isolation: isolated (any Actor)? = #isolation, _ body: (FakeRegistry) async throws -> Result
  ) async throws -> Result {
    let registry = try await start()
    do {
      let result = try await body(registry)
      await registry.shutdown()
      return result
    } catch {
      await registry.shutdown()
      throw error
    }
  }

  /// `127.0.0.1:<port>`.
  package var host: String { "127.0.0.1:\(state.withLock { $0.port })" }

  package func reference(_ repository: String, tag: String = "latest") -> ModelReference {
    ModelReference(registry: host, repository: repository, version: .tag(tag))
  }

  package func reference(_ repository: String, digest: Digest) -> ModelReference {
    ModelReference(registry: host, repository: repository, version: .digest(digest))
  }

  // MARK: Content

  /// Adds a small model with random content.
  @discardableResult
  package func addModel(
    _ repository: String, tag: String = "latest", layerSizes: [Int] = [4096]
  ) throws -> FakeModel {
    let model = try FakeModel(layerSizes: layerSizes)
    add(model, to: repository, tag: tag)
    return model
  }

  package func add(_ model: FakeModel, to repository: String, tag: String = "latest") {
    for (layer, content) in zip(model.layers, model.layerContents) { addBlob(content, layer.digest, to: repository) }
    addBlob(ByteBuffer(bytes: model.configBytes), model.config.digest, to: repository)
    addManifest(model.manifestBytes, to: repository, tag: tag)
  }

  package func addBlob(_ content: ByteBuffer, _ digest: Digest, to repository: String) {
    state.withLock { $0.blobs[repository, default: [:]][digest] = content }
  }

  package func addManifest(
    _ bytes: [UInt8], mediaType: String = MediaType.ociManifest, to repository: String, tag: String
  ) {
    let manifest = StoredManifest(bytes: bytes, mediaType: mediaType)
    state.withLock { state in
      state.manifests[repository, default: [:]][tag] = manifest
      state.manifests[repository, default: [:]][Digest(of: bytes).description] = manifest
    }
  }

  package func removeBlob(_ digest: Digest, from repository: String) {
    state.withLock { _ = $0.blobs[repository]?.removeValue(forKey: digest) }
  }

  package func blob(_ digest: Digest, in repository: String) -> ByteBuffer? {
    state.withLock { $0.blobs[repository]?[digest] }
  }

  package func manifest(_ version: String, in repository: String) -> [UInt8]? {
    state.withLock { $0.manifests[repository]?[version]?.bytes }
  }

  // MARK: Behaviour

  /// Makes the next `times` requests go wrong whose path ends with `suffix`: a digest, `manifests/latest`, `/token`.
  /// Faults for the same path are used up in the order in which they came.
  package func inject(_ fault: RegistryFault, at suffix: String, method: String = "GET", times: Int = 1) {
    state.withLock { state in
      for _ in 0..<times { state.faults.append((suffix, method, fault)) }
    }
  }

  /// Lets stalled responses go on.
  package func releaseStalls() {
    server.withLock { $0 }?.gate.open()
  }

  package func require(_ authentication: Authentication) {
    state.withLock { $0.authentication = authentication }
  }

  /// Forgets all tokens that were given out.
  package func revokeTokens() {
    state.withLock { $0.tokens = [:] }
  }

  /// Redirects reads of blobs to `<base>/cdn/<digest>`; every fake registry serves its blobs there without asking for
  /// credentials. `base` is a path's beginning, such as the empty string, or a URL.
  package func redirectBlobs(to base: String?) {
    state.withLock { $0.blobRedirect = base }
  }

  /// What the `Location` of uploads begins with, `http://127.0.0.1:…` for example. Empty: it is a path.
  package func locateUploads(at base: String) {
    state.withLock { $0.uploadBase = base }
  }

  // MARK: Records

  package var requests: [RecordedRequest] { state.withLock { $0.requests } }

  /// Requests whose path ends with `suffix`.
  package func requests(_ method: String = "GET", at suffix: String) -> [RecordedRequest] {
    requests.filter { $0.method == method && $0.path.hasSuffix(suffix) }
  }

  package func forgetRequests() {
    state.withLock { $0.requests = [] }
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelAccess
@testable import PetrelHTTP
@testable import PetrelServer

struct HostPolicyTests {
  private let local = HostPolicy(listeners: ["127.0.0.1", "Box.lan"], allowed: ["*.corp.example", "10.0.0.7"])

  @Test(arguments: [
    "localhost", "localhost:12434", "LOCALHOST:1", "localhost.", "app.localhost:80", "127.0.0.1", "127.0.0.1:12434",
    "127.1.2.3", "[::1]", "[::1]:12434", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "model-runner.docker.internal",
    "host.docker.internal:12434", "box.lan:12434", "BOX.LAN", "a.corp.example", "a.b.corp.example:99", "10.0.0.7:12434",
  ])
  func ownNamesAreAnswered(_ host: String) { #expect(local.allows(host)) }

  @Test(arguments: [
    "evil.example", "evil.example:12434", "localhost.evil.example", "127.0.0.1.evil.example", "evillocalhost", "",
    "localhost:port", "localhost:123456", "localhost@evil.example", "10.0.0.8", "8.8.8.8", "[::2]", "corp.example",
    ".corp.example", ".localhost", "evilcorp.example", "box.lan.evil.example", "*", "box.lan/", "[::1", "::1]x",
  ])
  func foreignNamesAreNot(_ host: String) { #expect(!local.allows(host)) }

  @Test func whoListensOnAllAddressesAnswersToAll() {
    for all in ["0.0.0.0", "::"] {
      let policy = HostPolicy(listeners: [all])
      #expect(policy.allows("192.168.1.5:12434"))
      #expect(policy.allows("[fd00::1]:12434"))
      #expect(!policy.allows("evil.example"))
    }
  }

  @Test func aStarSwitchesTheCheckOff() {
    #expect(HostPolicy(listeners: [], allowed: ["*"]).allows("evil.example"))
  }
}

struct AccessControlTests {
  private static func head(
    _ path: String, _ headers: HTTPHeaders, method: HTTPMethod = .GET, version: HTTPVersion = .http1_1,
    isFromUnixSocket: Bool = false
  ) throws -> RequestHead {
    try #require(
      RequestHead(
        HTTPRequestHead(version: version, method: method, uri: path, headers: headers),
        isFromUnixSocket: isFromUnixSocket))
  }

  private static func status(_ control: AccessControl, _ head: RequestHead) -> HTTPResponseStatus? {
    switch control.check(head) {
    case .admitted: nil
    case .preflight(let response): response.status
    case .refused(let refusal): refusal.status
    }
  }

  private let open = AccessControl(hosts: HostPolicy(listeners: ["127.0.0.1"]), origins: OriginPolicy())

  @Test func requestsForOthersAreRefused() throws {
    #expect(Self.status(open, try Self.head("/models", ["Host": "127.0.0.1"])) == nil)
    #expect(Self.status(open, try Self.head("/models", ["Host": "evil.example"])) == .forbidden)
    // The target counts, not the header: RFC 9112, section 3.2.2.
    let absolute = try Self.head("http://evil.example/models", ["Host": "localhost"])
    #expect(Self.status(open, absolute) == .forbidden)
    #expect(Self.status(open, try Self.head("http://localhost/models", ["Host": "localhost"])) == nil)
    let socket = try Self.head("/models", ["Host": "anything"], isFromUnixSocket: true)
    #expect(Self.status(open, socket) == nil)
  }

  @Test func aRequestHasOneHost() throws {
    #expect(Self.status(open, try Self.head("/models", [:])) == .badRequest)
    #expect(Self.status(open, try Self.head("/models", [:], version: .http1_0)) == nil)
    let two = HTTPHeaders([("Host", "localhost"), ("host", "localhost")])
    #expect(Self.status(open, try Self.head("/models", two)) == .badRequest)
  }

  @Test func compressedBodiesAreRefused() throws {
    for encoding in ["gzip", "br", "deflate, gzip", "GZIP"] {
      let head = try Self.head("/models", ["Host": "localhost", "Content-Encoding": encoding], method: .POST)
      #expect(Self.status(open, head) == .unsupportedMediaType)
    }
    let plain = try Self.head("/models", ["Host": "localhost", "Content-Encoding": "identity"], method: .POST)
    #expect(Self.status(open, plain) == nil)
  }

  @Test func preflightsNeedNoKey() async throws {
    try await Self.withKeys { control, _ in
      let head = try Self.head(
        "/v1/models", ["Host": "localhost", "Origin": "http://localhost:3000"], method: .OPTIONS)
      #expect(Self.status(control, head) == .noContent)
    }
  }

  @Test func keysAreTakenInEitherHeader() async throws {
    try await Self.withKeys { control, secret in
      for headers: HTTPHeaders in [
        ["Authorization": "Bearer \(secret)"], ["authorization": "bearer  \(secret)"], ["X-API-Key": secret],
      ] {
        var headers = headers
        headers.add(name: "Host", value: "localhost")
        #expect(Self.status(control, try Self.head("/v1/models", headers)) == nil)
        #expect(Self.status(control, try Self.head("/v1/chat/completions", headers, method: .POST)) == nil)
        #expect(Self.status(control, try Self.head("/models/create", headers, method: .POST)) == .forbidden)
      }
      for headers: HTTPHeaders in [[:], ["Authorization": "Basic \(secret)"], ["Authorization": "Bearer x"]] {
        var headers = headers
        headers.add(name: "Host", value: "localhost")
        #expect(Self.status(control, try Self.head("/v1/models", headers)) == .unauthorized)
        // What there is and what there is not look the same.
        #expect(Self.status(control, try Self.head("/models/no/such", headers)) == .unauthorized)
        #expect(Self.status(control, try Self.head("/nowhere", headers)) == .unauthorized)
        #expect(Self.status(control, try Self.head("/health", headers)) == nil)
        #expect(Self.status(control, try Self.head("/", headers)) == nil)
      }
      let socket = try Self.head("/v1/models", [:], isFromUnixSocket: true)
      #expect(Self.status(control, socket) == nil)
    }
  }

  @Test(arguments: [
    (HTTPMethod.GET, "/", AccessNeed.nothing), (.HEAD, "/health", .nothing), (.GET, "/openapi.json", .nothing),
    (.GET, "/version", .key), (.GET, "/metrics", .key), (.GET, "/models", .key), (.GET, "/models/ai/x", .key),
    (.GET, "/models/ai/x/export", .scope(.models)), (.POST, "/models/create", .scope(.models)),
    (.DELETE, "/models/ai/x", .scope(.models)), (.GET, "/v1/models", .key), (.GET, "/engines/v1/models/x", .key),
    (.GET, "/engines/llama.cpp/v1/models", .key), (.POST, "/v1/chat/completions", .scope(.inference)),
    (.POST, "/exp/vDD4.40/engines/llama.cpp/v1/embeddings", .scope(.inference)), (.POST, "/rerank", .scope(.inference)),
    (.POST, "/engines/score", .scope(.inference)), (.POST, "/engines/llama.cpp/rerank", .scope(.inference)),
    (.GET, "/v1/responses/resp_1", .scope(.inference)), (.POST, "/anthropic/v1/messages", .scope(.inference)),
    (.GET, "/engines/ps", .key), (.GET, "/engines/requests", .scope(.admin)),
    (.POST, "/engines/_configure", .scope(.admin)), (.POST, "/engines/llama.cpp/_configure", .scope(.admin)),
    (.GET, "/logs", .scope(.admin)), (.POST, "/api/chat", .scope(.inference)), (.GET, "/api/tags", .key),
    (.DELETE, "/api/delete", .scope(.models)), (.POST, "/api/blobs/sha256:00", .scope(.models)),
    (.POST, "/api/unheard", .scope(.admin)), (.POST, "/unheard", .scope(.admin)),
  ])
  func eachRouteNeedsItsScope(_ method: HTTPMethod, _ path: String, _ need: AccessNeed) throws {
    #expect(AccessNeed(of: try Self.head(path, [:], method: method)) == need)
  }

  /// With a key for inference.
  private static func withKeys(_ body: (AccessControl, _ secret: String) throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let file = APIKeyFile(home: folder)
      let secret = KeySecret()
      try file.add(APIKey(name: "k", secret: secret, scopes: [.inference], created: 1))
      let gate = KeyGate(file: file, clock: .init(now: { 1 }, uptime: { 1 }), onFailure: { _ in })
      let control = AccessControl(
        hosts: HostPolicy(listeners: ["127.0.0.1"]), origins: OriginPolicy(), keys: gate)
      try body(control, secret.text)
    }
  }
}

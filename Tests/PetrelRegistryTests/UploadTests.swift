// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelOCI
import PetrelRegistry
import PetrelTestSupport
import Synchronization
import Testing

/// Uploads in chunks: a model with one layer of 1,000,000 bytes, in chunks of 300,000.
@Suite struct UploadTests {
  private static let size = 1_000_000
  private static let chunk: Int64 = 300_000

  private final class Progress: Sendable {
    private let state = Mutex<[Int64]>([])
    var all: [Int64] { state.withLock { $0 } }
    func report(_ bytes: Int64) { state.withLock { $0.append(bytes) } }
    var onlyRises: Bool { zip(all, all.dropFirst()).allSatisfy { $0 < $1 } }
  }

  private func run(
    stallTimeout: Duration = .seconds(20),
    _ body: (ClientFixture, FakeModel, _ push: () async throws -> Void) async throws -> Void
  ) async throws {
    try await ClientFixture.run(stallTimeout: stallTimeout, chunkSize: Self.chunk) { fixture in
      let model = try FakeModel(layerSizes: [Self.size])
      let progress = Progress()
      try await body(fixture, model) {
        try await fixture.client.pushBlob(
          model.layers[0], to: fixture.reference, content: BufferContent(model.layerContents[0]),
          progress: { progress.report($0) })
        #expect(fixture.registry.blob(model.layers[0].digest, in: "ai/tiny") == model.layerContents[0])
        #expect(progress.all.last == Int64(Self.size))
      }
      #expect(progress.onlyRises, "\(progress.all)")
    }
  }

  private func ranges(_ registry: FakeRegistry) -> [String] {
    registry.requests.filter { $0.method == "PATCH" }.map { $0.headers.first(name: "Content-Range") ?? "" }
  }

  @Test func sendsLargeBlobsInChunks() async throws {
    try await run { fixture, _, push in
      fixture.registry.require(.token())
      try await push()
      #expect(
        ranges(fixture.registry) == ["0-299999", "300000-599999", "600000-899999", "900000-999999"])
      let put = try #require(fixture.registry.requests("PUT", at: "upload-1").first)
      #expect(put.headers["Content-Length"] == ["0"])
      #expect(
        fixture.registry.requests.filter { $0.method == "PATCH" }.allSatisfy { $0.authorization == "Bearer token-1" })
    }
  }

  @Test(arguments: [2, 299_999])
  func goesOnWhereTheConnectionBroke(_ bytes: Int) async throws {
    try await run { fixture, _, push in
      fixture.registry.inject(.status(503), at: "upload-1", method: "PATCH")
      fixture.registry.inject(.cutRequest(afterBytes: bytes), at: "upload-1", method: "PATCH")
      try await push()
      let ranges = ranges(fixture.registry)
      #expect(ranges.contains("\(bytes)-\(bytes + 299_999)"), "\(ranges)")
      #expect(fixture.registry.requests("POST", at: "uploads/").count == 1)
    }
  }

  @Test func startsOverWhenItCannotTellOneByteFromNone() async throws {
    try await run { fixture, _, push in
      fixture.registry.inject(.cutRequest(afterBytes: 1), at: "upload-1", method: "PATCH")
      try await push()
      #expect(fixture.registry.requests("POST", at: "uploads/").count == 2)
    }
  }

  @Test func goesOnAfterAStall() async throws {
    try await run(stallTimeout: .seconds(5)) { fixture, _, push in
      fixture.registry.inject(.stallRequest(afterBytes: 100_000), at: "upload-1", method: "PATCH")
      try await push()
      fixture.registry.releaseStalls()
      #expect(fixture.registry.requests("POST", at: "uploads/").count == 1)
      #expect(!fixture.pauses.all.isEmpty)
    }
  }

  @Test func startsOverWhenTheRegistryForgetsTheUpload() async throws {
    try await run { fixture, _, push in
      fixture.registry.inject(.status(404, errorCode: "BLOB_UPLOAD_UNKNOWN"), at: "upload-1", method: "PATCH")
      try await push()
      #expect(fixture.registry.requests("POST", at: "uploads/").count == 2)
    }
  }

  @Test func startsOverWhenTheLastRequestFindsNothing() async throws {
    try await run { fixture, _, push in
      fixture.registry.inject(.status(404, errorCode: "BLOB_UPLOAD_UNKNOWN"), at: "upload-1", method: "PUT")
      try await push()
      #expect(fixture.registry.requests("PUT", at: "upload-2").count == 1)
    }
  }

  @Test func givesUpOnARegistryThatAlwaysForgets() async throws {
    try await run { fixture, model, push in
      for number in 1...4 {
        fixture.registry.inject(
          .status(404, errorCode: "BLOB_UPLOAD_UNKNOWN"), at: "upload-\(number)", method: "PATCH")
      }
      let error = await expectRegistryError(.unavailable) { try await push() }
      #expect(error?.message.contains("gives the upload up") == true)
      #expect(error?.message.contains("given up after 4 tries") == true)
      #expect(fixture.registry.blob(model.layers[0].digest, in: "ai/tiny") == nil)
    }
  }

  @Test func asksWhereToGoOnWhenTheOffsetIsWrong() async throws {
    try await run { fixture, _, push in
      fixture.registry.inject(
        .headers(["Range": "0-9", "Location": "/v2/ai/tiny/blobs/uploads/upload-1?_state=abc%2Fdef"]), at: "upload-1",
        method: "PATCH")
      // The first answer says that only ten bytes have come; the registry has all 300,000 and answers 416 to the next.
      try await push()
      #expect(ranges(fixture.registry).prefix(3) == ["0-299999", "10-300009", "300000-599999"])
      #expect(!fixture.registry.requests("GET", at: "upload-1").isEmpty)
    }
  }

  @Test func sendsAgainWhatTheRegistryLost() async throws {
    try await run { fixture, _, push in
      fixture.registry.inject(.headers([:]), at: "upload-1", method: "PATCH")
      fixture.registry.inject(.loseUpload(keeping: 7), at: "upload-1", method: "PATCH")
      try await push()
      #expect(ranges(fixture.registry).prefix(3) == ["0-299999", "300000-599999", "7-300006"])
    }
  }

  @Test(arguments: [400, 404, 405, 415, 501])
  func fallsBackToOneRequest(_ status: Int) async throws {
    try await run { fixture, _, push in
      fixture.registry.inject(.status(status, errorCode: "UNSUPPORTED"), at: "upload-1", method: "PATCH")
      try await push()
      #expect(fixture.registry.requests.filter { $0.method == "PATCH" }.count == 1)
      let put = try #require(fixture.registry.requests("PUT", at: "upload-2").first)
      #expect(put.headers["Content-Length"] == ["1000000"])
      #expect(fixture.pauses.all.isEmpty)
    }
  }

  @Test func takesTheLeastSizeOfChunksFromTheRegistry() async throws {
    try await run { fixture, _, push in
      fixture.registry.wantChunks(ofAtLeast: 600_000)
      try await push()
      #expect(ranges(fixture.registry) == ["0-599999", "600000-999999"])
    }
  }

  @Test func getsANewTokenBetweenChunks() async throws {
    try await run { fixture, _, push in
      // Shorter than the safety margin: each chunk needs a new one, and none is sent in vain.
      fixture.registry.require(.token(expiresIn: 1))
      try await push()
      let patches = fixture.registry.requests.filter { $0.method == "PATCH" }
      #expect(patches.count >= 4)
      #expect(patches.allSatisfy { $0.authorization != nil })
    }
  }

  // MARK: Mounts

  private func mount(
    _ fixture: ClientFixture, _ model: FakeModel, from repositories: [String]
  ) async throws {
    try await fixture.client.pushBlob(
      model.layers[0], to: fixture.reference, mountingFrom: repositories,
      content: BufferContent(model.layerContents[0]), progress: { _ in })
    #expect(fixture.registry.blob(model.layers[0].digest, in: "ai/tiny") == model.layerContents[0])
  }

  @Test func mountsFromTheFirstRepositoryThatHasTheBlob() async throws {
    try await run { fixture, model, _ in
      fixture.registry.require(.token())
      fixture.registry.add(model, to: "org/other")
      try await mount(fixture, model, from: ["org/none", "ai/tiny", "org/other"])
      let posts = fixture.registry.requests("POST", at: "uploads/")
      #expect(posts.allSatisfy { $0.query.contains("from=org%2Fother") && $0.query.contains("mount=sha256%3A") })
      #expect(fixture.registry.requests.allSatisfy { $0.method != "PATCH" && $0.method != "PUT" })
      // The token for it covers both repositories.
      let asked = fixture.registry.requests(at: "/token").map(\.query)
      #expect(
        asked.contains {
          $0.contains("repository%3Aai%2Ftiny%3Apull%2Cpush") && $0.contains("repository%3Aorg%2Fother%3Apull")
        })
    }
  }

  @Test func uploadsWhenTheRegistryMountsNothing() async throws {
    try await run { fixture, model, _ in
      fixture.registry.add(model, to: "org/other")
      fixture.registry.refuseMounts()
      try await mount(fixture, model, from: ["org/other"])
      #expect(fixture.registry.requests("POST", at: "uploads/").count == 1)
    }
  }

  @Test(arguments: [401, 403, 405])
  func uploadsWhenMountingIsNotAllowed(_ status: Int) async throws {
    try await run { fixture, model, _ in
      fixture.registry.add(model, to: "org/other")
      fixture.registry.inject(.status(status, errorCode: "DENIED"), at: "uploads/", method: "POST")
      try await mount(fixture, model, from: ["org/other"])
      #expect(fixture.registry.requests("POST", at: "uploads/").map { $0.query.isEmpty } == [false, true])
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage
import Testing

@testable import PetrelStore

@Suite struct UploadTests {
  private struct Broken: Error {}

  private func pieces(_ pieces: [UInt8]..., thenFailing: Bool = false) -> AsyncThrowingStream<[UInt8], any Error> {
    AsyncThrowingStream { continuation in
      for piece in pieces { continuation.yield(piece) }
      continuation.finish(throwing: thenFailing ? Broken() : nil)
    }
  }

  @Test func `A blob of unknown length appears when it is whole, and once`() async throws {
    try await withStore { store async throws in
      let content = bytes("hello world")
      let digest = Digest(of: content)
      #expect(try await store.blobSize(digest) == nil)
      #expect(try await store.receive(digest, from: pieces(bytes("hello "), [], bytes("world"))) == .written)
      #expect(try await store.blobSize(digest) == 11)
      #expect(try contents(store.layout.blob(digest)) == content)
      #expect(try await store.receive(digest, from: pieces(content)) == .alreadyPresent)
      #expect(try names(in: store.layout.blobs) == [digest.hex])
    }
  }

  @Test func `Wrong or broken uploads leave nothing`() async throws {
    try await withStore { store async throws in
      let digest = Digest(of: bytes("hello"))
      let code = await storeErrorCode { try await store.receive(digest, from: pieces(bytes("other"))) }
      #expect(code == .digestMismatch)
      await #expect(throws: Broken.self) {
        _ = try await store.receive(digest, from: pieces(bytes("hello"), thenFailing: true))
      }
      #expect(try await store.blobSize(digest) == nil)
      #expect(try names(in: store.layout.blobs).isEmpty)
    }
  }

  @Test func `A workspace has its files while it is used, and is gone afterwards`() async throws {
    try await withStore { store async throws in
      let digest = Digest(of: bytes("hello"))
      _ = try await store.receive(digest, from: pieces(bytes("hello")))
      let folder = try await store.withWorkspace(blobs: ["a.gguf": digest], texts: ["b.txt": bytes("b")]) {
        folder throws in
        #expect(try names(in: folder) == ["a.gguf", "b.txt"])
        #expect(try contents(folder.appending("a.gguf")) == bytes("hello"))
        #expect(try contents(folder.appending("b.txt")) == bytes("b"))
        return folder
      }
      #expect(!exists(folder))
      await #expect(throws: Broken.self) {
        try await store.withWorkspace(blobs: ["a": digest], texts: [:]) { _ in throw Broken() }
      }
      let missing = await storeErrorCode {
        try await store.withWorkspace(blobs: ["a": Digest(of: bytes("x"))], texts: [:]) { _ in }
      }
      #expect(missing != nil)
      #expect(try names(in: store.layout.root).allSatisfy { !StoreLayout.isTemporary($0) })
      #expect(try await store.blobSize(digest) == 5)
    }
  }
}

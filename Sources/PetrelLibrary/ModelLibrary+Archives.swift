// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelOCI
import PetrelPackaging
import PetrelStore

extension ModelLibrary {
  /// Adds the model in an archive to the store, without a tag. Blobs are verified while they arrive; the model appears
  /// when the whole archive has been read. Bytes after the archive's end are read and ignored.
  package func load<Chunks: AsyncSequence>(_ chunks: Chunks) async throws -> StoredModel
  where Chunks.Element == ByteBuffer {
    try await translatingArchiveErrors {
      let hold = try await store.hold([])
      defer { withExtendedLifetime(hold) {} }
      var events = ArchiveEvents(chunks)
      var manifest: [UInt8] = []
      while let event = try await events.next() {
        switch event {
        case .begin(.blob(let digest, let size)):
          hold.insert(digest)
          try await receive(digest, size: size, &events)
        case .begin(.manifest): manifest = try await collect(&events)
        // The content of an ignored entry is not reported, only its end.
        case .begin(.ignored), .bytes, .end, .endOfArchive: break
        }
      }
      let model = try await store.commit(manifest: manifest)
      changed()
      return model
    }
  }

  /// The archive of a model, made while it is iterated.
  package func export(_ text: String) async throws -> ModelArchive {
    let model = try await resolve(text)
    return try await translatingErrors {
      var blobs: [ModelArchive.Blob] = []
      for blob in model.manifest.blobs {
        let path = try await store.blobPath(blob)
        blobs.append(ModelArchive.Blob(digest: blob.digest, size: blob.size, content: .file(path)))
      }
      return ModelArchive(blobs: blobs, manifest: try await store.manifestBytes(model.id))
    }
  }

  /// What the store finds wrong with an archive's content is the archive's fault.
  func translatingArchiveErrors<Result>(_ body: () async throws -> Result) async throws -> Result {
    try await translatingErrors {
      do {
        return try await body()
      } catch let error as StoreError {
        switch error.code {
        case .missingBlob, .digestMismatch, .tooLarge, .incomplete, .invalidArtifact:
          throw LibraryError(.invalidArchive, error.message)
        default: throw error
        }
      } catch let error as OCIError where error.code == .invalidManifest {
        throw LibraryError(.invalidArchive, error.message)
      }
    }
  }

  private func receive<Chunks>(_ digest: Digest, size: Int64, _ events: inout ArchiveEvents<Chunks>) async throws {
    var isRead = false
    _ = try await store.withIngest(of: digest, size: size) { writer in
      isRead = true
      // The archive has the whole blob: nothing is gained by trusting what an earlier attempt left.
      try await writer.restart()
      while case .bytes(let bytes) = try await events.next() { try await writer.append(bytes) }
    }
    // The store had it, but the archive goes on after it.
    if !isRead { while case .bytes = try await events.next() {} }
  }

  private func collect<Chunks>(_ events: inout ArchiveEvents<Chunks>) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while case .bytes(let part) = try await events.next() { bytes += part }
    return bytes
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTar
import SystemPackage

/// A model as one uncompressed tar archive, the form in which `load` and `export` move it: its blobs as
/// `blobs/sha256/<hex>`, layers first, and last its manifest as `manifest.json`.
///
/// The archive is made while it is iterated, in chunks of at most 1 MiB. Each file is checked against its size and
/// digest; iteration fails before the file's last chunk if it changed, so that the receiver sees a torn archive.
package struct ModelArchive: AsyncSequence, Sendable {
  package typealias Element = [UInt8]

  package struct Blob: Sendable {
    package enum Content: Sendable {
      case file(FilePath)
      case bytes([UInt8])
      case tar(DirectoryTar)
    }

    package let digest: Digest
    /// Bytes.
    package let size: Int64
    package let content: Content

    package init(digest: Digest, size: Int64, content: Content) {
      self.digest = digest
      self.size = size
      self.content = content
    }
  }

  fileprivate enum Segment: Sendable {
    case bytes([UInt8])
    case file(FilePath, digest: Digest, size: Int64)
    /// A file inside a folder's archive, whose own digest nobody knows: that it has not changed is told by its state.
    case part(FilePath, FileIdentity)
  }

  /// Bytes of the whole archive.
  package let size: Int64
  private let segments: [Segment]

  /// - Parameter blobs: the layers in order, then the config. A digest that occurs twice is written once.
  package init(blobs: [Blob], manifest: [UInt8]) {
    var segments: [Segment] = []
    var size: Int64 = 0
    func append(_ bytes: [UInt8]) {
      segments.append(.bytes(bytes))
      size += Int64(bytes.count)
    }
    for folder in ["blobs", "blobs/sha256"] {
      append(TarHeader.block(name: folder, type: "5", mode: 0o755, size: 0))
    }
    var written: Set<Digest> = []
    for blob in blobs where written.insert(blob.digest).inserted {
      append(TarHeader.file(name: "blobs/sha256/" + blob.digest.hex, mode: 0o666, size: blob.size))
      switch blob.content {
      case .bytes(let bytes): append(bytes)
      case .file(let path) where blob.size > 0:
        segments.append(.file(path, digest: blob.digest, size: blob.size))
        size += blob.size
      case .file: break
      case .tar(let tar):
        for segment in tar.segments {
          switch segment {
          case .bytes(let bytes): segments.append(.bytes(bytes))
          case .file(let path, let identity): segments.append(.part(path, identity))
          }
        }
        size += tar.size
      }
      append(Self.zeros(TarHeader.padding(after: blob.size)))
    }
    append(TarHeader.file(name: "manifest.json", mode: 0o666, size: Int64(manifest.count)))
    append(manifest)
    append(Self.zeros(TarHeader.padding(after: Int64(manifest.count))) + TarHeader.end)
    self.segments = segments
    self.size = size
  }

  /// Layers that are stored with another model are not in the archive: it can be loaded where that model is.
  package init(_ package: ModelPackage) {
    let layers = package.layers.compactMap { layer -> Blob? in
      let content: Blob.Content
      switch layer.content {
      case .file(let path, _): content = .file(path)
      case .tar(let tar): content = .tar(tar)
      case .stored: return nil
      }
      return Blob(digest: layer.descriptor.digest, size: layer.descriptor.size, content: content)
    }
    let config = Blob(
      digest: package.config.digest, size: package.config.size, content: .bytes(package.configBytes))
    self.init(blobs: layers + [config], manifest: package.manifestBytes)
  }

  /// Hands the archive to `sink`, one chunk after the other.
  package func write(to sink: ([UInt8]) async throws -> Void) async throws {
    for try await chunk in self { try await sink(chunk) }
  }

  package func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(segments: segments[...])
  }

  private static func zeros(_ count: Int64) -> [UInt8] { [UInt8](repeating: 0, count: Int(count)) }

  package struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate var segments: ArraySlice<Segment>
    private var current: FileStream?

    fileprivate init(segments: ArraySlice<Segment>) { self.segments = segments }

    package mutating func next() async throws -> [UInt8]? {
      try Task.checkCancellation()
      if var stream = current {
        current = nil
        let chunk = try stream.next()
        if !stream.isDone { current = stream }
        return chunk
      }
      while let segment = segments.popFirst() {
        switch segment {
        case .bytes(let bytes) where bytes.isEmpty: continue
        case .bytes(let bytes): return bytes
        case .file(let path, let digest, let size):
          current = try FileStream(path, digest: digest, size: size)
          return try await next()
        case .part(let path, let identity):
          current = try FileStream(path, identity)
          return try await next()
        }
      }
      return nil
    }
  }
}

/// A file that must be what it was, read from its start to its end.
private struct FileStream {
  let file: LocalFile
  /// Nil when its state alone has to do.
  let digest: Digest?
  let hash = RunningHash()
  var offset: Int64 = 0

  init(_ path: FilePath, digest: Digest, size: Int64) throws(PackagingError) {
    file = try LocalFile(opening: path)
    self.digest = digest
    guard file.byteCount == size else { throw file.changed }
  }

  init(_ path: FilePath, _ identity: FileIdentity) throws(PackagingError) {
    file = try LocalFile(opening: path)
    digest = nil
    guard file.identity == identity else { throw file.changed }
  }

  var isDone: Bool { offset == file.byteCount }

  /// The last chunk comes only if the file is what it should be.
  mutating func next() throws(PackagingError) -> [UInt8] {
    let chunk = try file.bytes(at: offset, count: Int(min(file.byteCount - offset, Int64(LocalFile.chunkSize))))
    guard !chunk.isEmpty else { throw file.changed }
    if digest != nil { hash.update(chunk) }
    offset += Int64(chunk.count)
    if isDone {
      try file.requireUnchanged()
      if let digest, hash.finished() != digest { throw file.changed }
    }
    return chunk
  }
}

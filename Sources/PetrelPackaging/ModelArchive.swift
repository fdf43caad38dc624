// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

import struct Crypto.SHA256

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
      append(Self.header(name: "blobs/sha256/" + blob.digest.hex, size: blob.size))
      switch blob.content {
      case .bytes(let bytes): append(bytes)
      case .file(let path) where blob.size > 0:
        segments.append(.file(path, digest: blob.digest, size: blob.size))
        size += blob.size
      case .file: break
      }
      append(Self.zeros(TarHeader.padding(after: blob.size)))
    }
    append(Self.header(name: "manifest.json", size: Int64(manifest.count)))
    append(manifest)
    append(Self.zeros(TarHeader.padding(after: Int64(manifest.count)) + 2 * Int64(TarHeader.blockSize)))
    self.segments = segments
    self.size = size
  }

  package init(_ package: ModelPackage) {
    let layers = package.layers.map { layer in
      Blob(digest: layer.descriptor.digest, size: layer.descriptor.size, content: .file(layer.file))
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

  private static func header(name: String, size: Int64) -> [UInt8] {
    let header = TarHeader.block(name: name, type: "0", mode: 0o666, size: size)
    guard size > TarHeader.largestOctalSize else { return header }
    let attributes = paxRecord("size", String(size))
    return TarHeader.block(name: "PaxHeaders.0/size", type: "x", mode: 0o644, size: Int64(attributes.count))
      + attributes + zeros(TarHeader.padding(after: Int64(attributes.count))) + header
  }

  /// `<length> <key>=<value>\n`, where the length counts its own digits too.
  private static func paxRecord(_ key: String, _ value: String) -> [UInt8] {
    let rest = " \(key)=\(value)\n"
    var length = rest.utf8.count
    while String(length).utf8.count + rest.utf8.count != length {
      length = String(length).utf8.count + rest.utf8.count
    }
    return Array("\(length)\(rest)".utf8)
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
        }
      }
      return nil
    }
  }
}

/// A file of known size and digest, read from its start to its end.
private struct FileStream {
  let file: LocalFile
  let digest: Digest
  var hash = SHA256()
  var offset: Int64 = 0

  init(_ path: FilePath, digest: Digest, size: Int64) throws(PackagingError) {
    file = try LocalFile(opening: path)
    self.digest = digest
    guard file.byteCount == size else { throw file.changed }
  }

  var isDone: Bool { offset == file.byteCount }

  /// The last chunk comes only if the file is what it should be.
  mutating func next() throws(PackagingError) -> [UInt8] {
    let chunk = try file.bytes(at: offset, count: Int(min(file.byteCount - offset, Int64(LocalFile.chunkSize))))
    guard !chunk.isEmpty else { throw file.changed }
    hash.update(data: chunk)
    offset += Int64(chunk.count)
    if isDone {
      try file.requireUnchanged()
      guard Digest(hash.finalize()) == digest else { throw file.changed }
    }
    return chunk
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelOCI
import PetrelRegistry
import SystemPackage

import struct Crypto.SHA256

/// Brings a layer of an image into a file, checked against its digest.
struct LayerDownload {
  private static let attempts = 4

  let client: RegistryClient
  let reference: ModelReference
  let layer: Descriptor

  /// - Throws: what the registry's client throws; ``EngineImageError`` with code `damaged` for other bytes.
  func bring(to path: FilePath) async throws {
    let sink = try Sink(path)
    defer { sink.close() }
    var attempt = 1
    while true {
      do {
        try await receive(sink)
        break
      } catch let error as RegistryError where attempt < Self.attempts && error.code != .notFound {
        attempt += 1
      }
    }
    guard sink.digest == layer.digest else {
      throw EngineImageError(.damaged, "a layer of the image does not match its digest \(layer.digest)")
    }
  }

  private func receive(_ sink: Sink) async throws {
    let stream = try await client.openBlob(layer, of: reference, from: sink.count)
    if stream.startOffset != sink.count { try sink.restart() }
    for try await chunk in stream.chunks { try sink.write(Array(chunk.readableBytesView)) }
  }
}

/// A file that is hashed while it is written. A class, as the state of the hash lives over waits.
private final class Sink {
  private let file: SystemPackage.FileDescriptor
  private var hash = SHA256()
  private(set) var count: Int64 = 0

  init(_ path: FilePath) throws {
    file = try SystemPackage.FileDescriptor.open(
      path, .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: .ownerReadWrite)
  }

  func write(_ bytes: [UInt8]) throws {
    try file.writeAll(bytes)
    bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    count += Int64(bytes.count)
  }

  func restart() throws {
    try file.seek(offset: 0, from: .start)
    try file.resize(to: 0)
    hash = SHA256()
    count = 0
  }

  var digest: Digest { Digest(hash.finalize()) }

  func close() { try? file.close() }
}

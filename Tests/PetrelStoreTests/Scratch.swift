// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelOCI
import PetrelStore
import Synchronization
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A folder for one test, removed with all it holds when the test ends.
func withScratch<R>(_ body: (FilePath) async throws -> R) async throws -> R {
  let name = "petrel-store-\(UInt64.random(in: .min ... .max))"
  let path = FilePath(FileManager.default.temporaryDirectory.path).appending(name)
  try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path.string) }
  return try await body(path)
}

func withStore<R>(_ body: (ModelStore) async throws -> R) async throws -> R {
  try await withScratch { try await body(try await openStore($0)) }
}

func openStore(_ root: FilePath) async throws -> ModelStore {
  try await ModelStore.open(at: root, logger: quietLogger)
}

let quietLogger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func descriptor(
  _ bytes: [UInt8], _ mediaType: String = MediaType.gguf, path: String? = nil
) -> Descriptor {
  Descriptor(
    mediaType: mediaType, size: Int64(bytes.count), digest: Digest(of: bytes),
    annotations: path.map { [LayerAnnotation.filePath: $0] })
}

func contents(_ path: FilePath) throws -> [UInt8] {
  Array(try Data(contentsOf: URL(fileURLWithPath: path.string)))
}

func write(_ bytes: [UInt8], to path: FilePath) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path.string))
}

func exists(_ path: FilePath) -> Bool { FileManager.default.fileExists(atPath: path.string) }

func names(in path: FilePath) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: path.string).sorted()
}

/// A model made of bytes in memory.
struct SampleModel {
  var layers: [(descriptor: Descriptor, bytes: [UInt8])]
  var configBytes: [UInt8]
  var manifest: Manifest

  init(
    _ layers: [(mediaType: String, path: String?, bytes: [UInt8])], configType: String = MediaType.configV01,
    config: ModelConfig = ModelConfig(format: "gguf", contextSize: 4096)
  ) throws {
    self.layers = layers.map { (descriptor($0.bytes, $0.mediaType, path: $0.path), $0.bytes) }
    configBytes = try DockerConfigFile(
      config: config, created: "2025-06-15T12:00:00Z", diffIDs: self.layers.map(\.descriptor.digest)
    ).serialized()
    manifest = Manifest(
      config: descriptor(configBytes, configType), layers: self.layers.map(\.descriptor))
  }

  /// One GGUF layer.
  init(_ content: String) throws {
    try self.init([(MediaType.gguf, "\(content).gguf", bytes(content))])
  }

  var id: Digest { get throws { Digest(of: try manifest.serialized()) } }

  @discardableResult
  func add(to store: ModelStore, tag: String? = nil) async throws -> StoredModel {
    for layer in layers { try await store.writeBlob(layer.bytes, as: layer.descriptor) }
    try await store.writeBlob(configBytes, as: manifest.config)
    return try await store.commit(
      manifest: try manifest.serialized(), tag: try tag.map { try ModelReference(parsing: $0) })
  }
}

func selector(_ text: String) throws -> ModelSelector { try ModelSelector(parsing: text) }

/// The code of the store error that `body` throws.
func storeErrorCode(_ body: () async throws -> some Any) async -> StoreError.Code? {
  do {
    _ = try await body()
    return nil
  } catch {
    return (error as? StoreError)?.code
  }
}

final class Counter: Sendable {
  private let count = Mutex(0)
  var value: Int { count.withLock { $0 } }
  func increment() { count.withLock { $0 += 1 } }
}

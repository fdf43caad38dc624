// SPDX-License-Identifier: Apache-2.0

import PetrelEngines
import PetrelOCI
import PetrelRegistry
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Installs `llama-server` with its libraries out of an image in a registry.
package struct EngineImageInstaller: Sendable {
  /// Bytes of all layers, packed; and bytes of programs and libraries, unpacked.
  private static let largestImage: Int64 = 16 << 30
  private static let largestEngine: Int64 = 16 << 30

  private let client: RegistryClient
  private let engine: LlamaCpp
  private let platform: ImagePlatform

  package init(client: RegistryClient, engine: LlamaCpp) {
    self.init(client: client, engine: engine, platform: .current)
  }

  init(client: RegistryClient, engine: LlamaCpp, platform: ImagePlatform) {
    self.client = client
    self.engine = engine
    self.platform = platform
  }

  /// Installs the engine of an image unless it is there, and has it used from now on.
  ///
  /// - Parameters:
  ///   - name: `REGISTRY/IMAGE[:TAG]` or `…@sha256:…`.
  ///   - progress: gets a line for people now and then.
  /// - Returns: the version's name, made of tag and digest, its folder, and whether anything had to be done.
  /// - Throws: ``EngineImageError``, `EngineError`, or what the registry's client throws. Nothing has changed then.
  package func install(
    _ name: String, force: Bool, progress: @escaping @Sendable (String) -> Void
  ) async throws -> (version: String, directory: FilePath, isNew: Bool) {
    let reference: ModelReference
    do {
      reference = try ModelReference(parsing: name)
    } catch {
      throw EngineImageError(.invalidReference, error.message)
    }
    let (manifest, digest) = try await manifest(reference)
    for layer in manifest.layers { try ImageLayer.check(layer) }
    let size = manifest.layers.reduce(Int64(0)) { $0.addingReportingOverflow($1.size).partialValue }
    guard manifest.layers.allSatisfy({ (0...Self.largestImage).contains($0.size) }), size <= Self.largestImage else {
      throw EngineImageError(.tooLarge, "the image has more than \(Self.largestImage >> 30) GiB")
    }
    let version = "\(reference.tag ?? "image")-\(digest.short)"
    if !force, engine.isInstalled(version) {
      try engine.select(version)
      return (version, engine.installDirectory(version: version), false)
    }
    progress("Pulling \(reference) (\(digest)), \(size >> 20) MiB in \(manifest.layers.count) layers ...")
    let directory = try await engine.place(version) { staging in
      try await unpack(manifest.layers, of: reference, into: staging, progress: progress)
      progress("Trying it ...")
    }
    try engine.select(version)
    return (version, directory, true)
  }

  /// The manifest of the image for this platform.
  private func manifest(_ reference: ModelReference) async throws -> (ImageManifest, Digest) {
    let fetched = try await client.manifest(reference)
    guard [MediaType.ociIndex, MediaType.dockerManifestList].contains(fetched.mediaType) else {
      return (try ImageManifest(decoding: fetched.bytes), fetched.digest)
    }
    let digest = try ImageIndex(decoding: fetched.bytes).digest(for: platform)
    let own = ModelReference(
      registry: reference.registry, repository: reference.repository, version: .digest(digest))
    return (try ImageManifest(decoding: try await client.manifest(own).bytes), digest)
  }

  private func unpack(
    _ layers: [Descriptor], of reference: ModelReference, into staging: FilePath,
    progress: @escaping @Sendable (String) -> Void
  ) async throws {
    let image = staging.appending("image")
    let contents = image.appending("contents")
    try FileManager.default.createDirectory(atPath: contents.string, withIntermediateDirectories: true)
    var files = ImageFiles(folder: contents, limit: Self.largestEngine)
    for (index, layer) in layers.enumerated() {
      let packed = ImageLayer(file: image.appending("layer"))
      try await LayerDownload(client: client, reference: reference, layer: layer).bring(to: packed.file)
      try files.apply(packed.read)
      try FileManager.default.removeItem(atPath: packed.file.string)
      progress("Layer \(index + 1) of \(layers.count)")
    }
    try EngineAssembly(files).write(to: staging)
    try FileManager.default.removeItem(atPath: image.string)
  }
}

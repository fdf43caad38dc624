// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// All signatures of one manifest, as a registry keeps them: an image manifest under a tag that is made of the signed
/// digest, with a layer for each signature.
///
/// Source: cosign, SIGNATURE_SPEC.md, "Storage".
package struct SignatureList: Sendable, Hashable {
  /// The newest ones that are looked at: a list that strangers lengthen must not make a pull long.
  package static let maximumCount = 64
  private static let annotation = "dev.cosignproject.cosign/signature"

  package struct Entry: Sendable, Hashable {
    /// Of the payload.
    package let descriptor: Descriptor
    /// DER.
    package let signature: [UInt8]
  }

  /// Where the signatures of `digest` are, beside the model: `registry/repository:sha256-<hex>.sig`.
  package static func reference(of digest: Digest, beside reference: ModelReference) -> ModelReference {
    ModelReference(
      registry: reference.registry, repository: reference.repository, version: .tag("sha256-\(digest.hex).sig"))
  }

  package private(set) var manifest: Manifest

  package init() {
    let config = Self.config(for: [])
    manifest = Manifest(
      config: Descriptor(
        mediaType: "application/vnd.oci.image.config.v1+json", size: Int64(config.count), digest: Digest(of: config)),
      layers: [])
  }

  package init(decoding bytes: [UInt8]) throws(SigningError) {
    guard let manifest = try? JSONDecoder().decode(Manifest.self, from: Data(bytes)),
      manifest.layers.allSatisfy({ $0.size >= 0 })
    else { throw SigningError(.invalidList, "what the registry keeps as the model's signatures is something else") }
    self.manifest = manifest
  }

  /// What can be looked at, the newest first. Layers that are no signatures of the known kind are passed over.
  package var entries: [Entry] {
    let all = manifest.layers.reversed().lazy.compactMap { layer -> Entry? in
      guard layer.mediaType == SignaturePayload.mediaType, layer.size <= SignaturePayload.maximumSize,
        let text = layer.annotations?[Self.annotation], let signature = Data(base64Encoded: text)
      else { return nil }
      return Entry(descriptor: layer, signature: Array(signature))
    }
    return Array(all.prefix(Self.maximumCount))
  }

  /// Adds a signature; those of others stay as they are.
  ///
  /// - Returns: what the registry must have before the manifest: payload and config.
  package mutating func append(_ signature: DetachedSignature) -> [(descriptor: Descriptor, bytes: [UInt8])] {
    let payload = Descriptor(
      mediaType: SignaturePayload.mediaType, size: Int64(signature.payload.count),
      digest: Digest(of: signature.payload),
      annotations: [Self.annotation: Data(signature.signature).base64EncodedString()])
    manifest.layers.append(payload)
    let config = Self.config(for: manifest.layers)
    manifest.config.size = Int64(config.count)
    manifest.config.digest = Digest(of: config)
    return [(payload, signature.payload), (manifest.config, config)]
  }

  /// A config is of no use here but must be there, and clients of images want it to name the layers.
  ///
  /// Source: OCI image specification, config.md.
  private static func config(for layers: [Descriptor]) -> [UInt8] {
    let diffIDs = layers.map { JSONNode.string($0.digest.description) }
    let node = JSONNode.object([
      JSONMember("architecture", .string("")), JSONMember("os", .string("")), JSONMember("config", .object([])),
      JSONMember(
        "rootfs",
        .object([JSONMember("type", .string("layers")), JSONMember("diff_ids", .array(diffIDs))])),
    ])
    return Array(node.serialized().utf8)
  }
}

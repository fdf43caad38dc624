// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What an image is made of. Source: OCI image specification, `manifest.md`; Docker's schema 2 has the same members.
struct ImageManifest: Decodable {
  private static let maximumLayers = 256

  let layers: [Descriptor]

  init(decoding bytes: [UInt8]) throws(EngineImageError) {
    guard let manifest = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else {
      throw EngineImageError(.unsupported, "the image's manifest can't be read")
    }
    guard (1...Self.maximumLayers).contains(manifest.layers.count) else {
      throw EngineImageError(.unsupported, "the image has \(manifest.layers.count) layers")
    }
    self = manifest
  }
}

/// An image for several platforms. Source: OCI image specification, `image-index.md`.
struct ImageIndex: Decodable {
  struct Entry: Decodable {
    struct Platform: Decodable {
      let architecture: String
      let os: String
    }
    let digest: Digest
    let platform: Platform?
  }

  let manifests: [Entry]

  init(decoding bytes: [UInt8]) throws(EngineImageError) {
    guard let index = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else {
      throw EngineImageError(.unsupported, "the image's index can't be read")
    }
    self = index
  }

  /// The image for a platform.
  func digest(for platform: ImagePlatform) throws(EngineImageError) -> Digest {
    let found = manifests.first { $0.platform?.os == platform.os && $0.platform?.architecture == platform.architecture }
    if let found { return found.digest }
    let known = manifests.compactMap(\.platform).map { "\($0.os)/\($0.architecture)" }.filter {
      $0 != "unknown/unknown"
    }
    throw EngineImageError(
      .noEngine,
      "the image is for \(known.isEmpty ? "no known platform" : known.joined(separator: ", ")), and not for "
        + "\(platform.os)/\(platform.architecture)")
  }
}

/// A system and a processor in the words of images, which are those of Go.
struct ImagePlatform: Sendable, Equatable {
  let os: String
  let architecture: String

  /// That of this program.
  static var current: ImagePlatform {
    #if arch(arm64)
      let architecture = "arm64"
    #else
      let architecture = "amd64"
    #endif
    return ImagePlatform(os: "linux", architecture: architecture)
  }
}

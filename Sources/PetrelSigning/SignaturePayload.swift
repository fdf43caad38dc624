// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What is signed: which manifest, under which name.
///
/// Sources: containers-signature(5), "JSON data format"; cosign, SIGNATURE_SPEC.md, "Simple Signing".
package struct SignaturePayload: Sendable, Hashable {
  /// Bytes; a larger payload is not read. Real ones have some hundred.
  package static let maximumSize = 64 * 1024
  package static let mediaType = "application/vnd.dev.cosign.simplesigning.v1+json"
  private static let type = "cosign container image signature"

  /// The name that the signer gave the model: a repository, with or without tag or digest.
  package let dockerReference: String
  package let digest: Digest

  /// Names the repository and no tag, as cosign does.
  init(signing digest: Digest, in reference: ModelReference) {
    dockerReference = reference.qualifiedRepository
    self.digest = digest
  }

  /// Reads a payload. Members that are not known are passed over.
  package init(decoding bytes: [UInt8]) throws(SigningError) {
    guard bytes.count <= Self.maximumSize else {
      throw SigningError(
        .invalidPayload, "the signed text has \(bytes.count) bytes; at most \(Self.maximumSize) are read")
    }
    guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(bytes)) else {
      throw SigningError(.invalidPayload, "the signed text does not have the form of a model's signature")
    }
    guard wire.critical.type == Self.type else {
      throw SigningError(.invalidPayload, "the signed text is of the type \(quoted(wire.critical.type))")
    }
    guard let digest = Digest(wire.critical.image.digest) else {
      throw SigningError(.invalidPayload, "the signed digest \(quoted(wire.critical.image.digest)) is none of SHA-256")
    }
    dockerReference = wire.critical.identity.dockerReference
    self.digest = digest
  }

  /// Always the same bytes for the same model and repository.
  package func serialized() throws -> [UInt8] {
    let critical = Wire.Critical(
      identity: .init(dockerReference: dockerReference), image: .init(digest: digest.description), type: Self.type)
    return Array(try CanonicalJSONEncoder().encode(Wire(critical: critical, optional: .init(creator: "petrel"))).utf8)
  }

  /// Whether the signer meant the reference's repository, whatever tag was named.
  package func isFor(_ reference: ModelReference) -> Bool {
    repository?.qualifiedRepository == reference.qualifiedRepository
  }

  /// The signer's name for the model; nil when it is none that a registry could have.
  var repository: ModelReference? { try? ModelReference(parsing: dockerReference) }

  private struct Wire: Codable {
    struct Critical: Codable {
      struct Identity: Codable {
        var dockerReference: String

        enum CodingKeys: String, CodingKey {
          case dockerReference = "docker-reference"
        }
      }

      struct Image: Codable {
        var digest: String

        enum CodingKeys: String, CodingKey {
          case digest = "docker-manifest-digest"
        }
      }

      var identity: Identity
      var image: Image
      var type: String
    }

    struct Optional: Codable {
      var creator: String?
    }

    var critical: Critical
    var optional: Optional

    init(critical: Critical, optional: Optional) {
      self.critical = critical
      self.optional = optional
    }

    /// `optional` holds what signers like, and is not looked at.
    init(from decoder: any Decoder) throws {
      critical = try decoder.container(keyedBy: CodingKeys.self).decode(Critical.self, forKey: .critical)
      optional = Optional()
    }
  }
}

extension ModelReference {
  /// Registry and repository, without tag and digest: `docker.io/ai/smollm2`.
  package var qualifiedRepository: String { "\(registry)/\(repository)" }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

/// Why the model store did not do what it was asked.
package struct StoreError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable, Hashable {
    /// No model matches.
    case notFound
    /// The model has several tags and the caller did not insist.
    case conflict
    /// A blob that a manifest lists is not in the store.
    case missingBlob
    /// Bytes that are not those their digest promises.
    case digestMismatch
    /// More bytes than announced.
    case tooLarge
    /// Fewer bytes than announced.
    case incomplete
    case noSpace
    /// A file that is to be taken into the store is another, or another state of it, than was hashed.
    case fileChanged
    /// Another process holds what is needed.
    case busy
    /// The index, a manifest or a config of the store cannot be read.
    case corrupt
    /// A folder that does not look like a model store.
    case notAStore
    /// A manifest or a path in it is not acceptable.
    case invalidArtifact
    /// The artifact holds nothing that can be unpacked.
    case unsupportedArtifact
    /// A local file that cannot be taken into the store.
    case invalidFile
    /// The operating system refused.
    case io
  }

  package let code: Code
  /// A sentence for people.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }

  package static let modelNotFound = StoreError(.notFound, "model not found")

  static func missingBlob(_ digest: Digest) -> StoreError {
    StoreError(
      .missingBlob, "missing blob \(quoted(digest.description)) for manifest - refusing to write unless all blobs exist"
    )
  }

  /// - Parameter action: what failed, such as `write /x/y`.
  init(errno: Errno, _ action: String) {
    if errno == .noSpace || errno.rawValue == Errno.diskQuotaExceeded.rawValue {
      self.init(.noSpace, "cannot \(action): no space left on the disk; free some space and try again")
    } else {
      self.init(.io, "cannot \(action): \(errno)")
    }
  }

  init(_ error: OCIError) {
    self.init(error.code == .unsupportedArtifact ? .unsupportedArtifact : .invalidArtifact, error.message)
  }
}

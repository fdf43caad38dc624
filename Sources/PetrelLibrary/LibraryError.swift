// SPDX-License-Identifier: Apache-2.0

import PetrelHub
import PetrelOCI
import PetrelPackaging
import PetrelRegistry
import PetrelSigning
import PetrelStore

/// Why the model library did not do what it was asked.
package struct LibraryError: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Code: Sendable, Hashable {
    /// No such model here, or in the registry.
    case notFound
    case invalidReference
    /// A value of the request that cannot be used.
    case invalidRequest
    case unauthorized
    /// Hugging Face wants a token, another one, or consent to terms: the message says which.
    case tokenRequired
    /// The artifact is not a model that Petrel reads.
    case unsupportedArtifact
    /// Models cannot be pulled from there.
    case unsupportedSource
    /// The model has several tags, or something else is at work on it.
    case conflict
    case noSpace
    case invalidArchive
    /// Signatures are wanted, and there is no good one.
    case unverified
    /// The registry does not answer as it should.
    case registry
    /// Everybody who waited for it has left, or the daemon stops.
    case cancelled
    case failed
  }

  package let code: Code
  /// A sentence for people.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }

  /// Says of an error of the rooms below what it means for a caller.
  init(_ error: any Error) {
    switch error {
    case let error as LibraryError: self = error
    case let error as StoreError: self.init(Self.code(error), error.message)
    case let error as RegistryError: self.init(Self.code(error), error.message)
    case let error as HubError: self.init(Self.code(error), error.message)
    case let error as OCIError: self.init(Self.code(error), error.message)
    case let error as SigningError: self.init(.invalidRequest, error.message)
    case let error as PackagingError: self.init(.invalidArchive, error.message)
    case is CancellationError:
      self.init(.cancelled, "cancelled: the daemon was stopped, or all models are being removed")
    default: self.init(.failed, "\(error)")
    }
  }

  private static func code(_ error: StoreError) -> Code {
    switch error.code {
    case .notFound: .notFound
    case .conflict, .busy, .fileChanged: .conflict
    case .noSpace: .noSpace
    case .unsupportedArtifact: .unsupportedArtifact
    case .invalidFile: .invalidRequest
    case .missingBlob, .digestMismatch, .tooLarge, .incomplete, .corrupt, .notAStore, .invalidArtifact, .io: .failed
    }
  }

  private static func code(_ error: RegistryError) -> Code {
    switch error.code {
    case .notFound: .notFound
    case .unauthorized, .denied: .unauthorized
    case .unsupported: .unsupportedArtifact
    default: .registry
    }
  }

  private static func code(_ error: HubError) -> Code {
    switch error.code {
    case .invalidName: .invalidReference
    case .noSuchChoice: .invalidRequest
    case .noWeights, .unusable: .unsupportedArtifact
    }
  }

  private static func code(_ error: OCIError) -> Code {
    switch error.code {
    case .invalidReference, .invalidDigest: .invalidReference
    case .unsupportedArtifact: .unsupportedArtifact
    case .invalidPath, .invalidManifest: .failed
    }
  }
}

/// Runs `body`; its errors come out as ``LibraryError``, cancellation as it is.
func translatingErrors<R>(
  isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> R
) async throws -> R {
  do {
    return try await body()
  } catch let error as CancellationError {
    throw error
  } catch {
    throw LibraryError(error)
  }
}

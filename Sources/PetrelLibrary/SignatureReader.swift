// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelRegistry
import PetrelSigning

/// Reads the signatures of one manifest from its registry, no sooner and no more than needed.
struct SignatureReader {
  let source: any ArtifactSource
  let reference: ModelReference
  let digest: Digest
  let bearerToken: String?

  private var list: SignatureList?
  /// Many signatures are of one payload.
  private var payloads: [Digest: [UInt8]] = [:]

  init(source: any ArtifactSource, reference: ModelReference, digest: Digest, bearerToken: String?) {
    self.source = source
    self.reference = reference
    self.digest = digest
    self.bearerToken = bearerToken
  }

  /// The key of the first signature that meets `requirement`.
  ///
  /// - Throws: ``LibraryError`` with ``LibraryError/Code/unverified`` when there is none or nobody can tell.
  mutating func find(_ requirement: SignatureRequirement) async throws -> VerificationKey {
    let entries = try await signatures()
    guard !entries.isEmpty else { throw refusal("it is not signed") }
    var misfit: String?
    var failure: String?
    for entry in entries {
      do {
        let payload = try await payload(entry)
        switch requirement.judge(
          payload: payload, signature: entry.signature, digest: digest, reference: reference)
        {
        case .good(let key): return key
        case .unknownSigner: break
        case .misfit(let reason): misfit = misfit ?? reason
        }
      } catch let error as RegistryError {
        failure = failure ?? error.message
      }
    }
    throw refusal(
      misfit ?? failure.map { "its signatures can't be read: \($0)" }
        ?? "none of its signatures is by a key that is trusted")
  }

  private mutating func signatures() async throws -> [SignatureList.Entry] {
    if let list { return list.entries }
    let place = SignatureList.reference(of: digest, beside: reference)
    let list: SignatureList
    do {
      list = try SignatureList(decoding: try await source.manifest(place, bearerToken: bearerToken).bytes)
    } catch let error as RegistryError {
      guard error.code == .notFound else { throw refusal("its signatures can't be read: \(error.message)") }
      list = SignatureList()
    } catch let error as SigningError {
      throw refusal(error.message)
    }
    self.list = list
    return list.entries
  }

  private mutating func payload(_ entry: SignatureList.Entry) async throws -> [UInt8] {
    if let known = payloads[entry.descriptor.digest] { return known }
    let bytes = try await source.blob(
      entry.descriptor, of: reference, limit: Int64(SignaturePayload.maximumSize), bearerToken: bearerToken)
    payloads[entry.descriptor.digest] = bytes
    return bytes
  }

  private func refusal(_ reason: String) -> LibraryError { SignatureCheck.refusal(of: reference, reason) }
}

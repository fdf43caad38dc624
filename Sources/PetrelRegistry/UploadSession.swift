// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An upload that a registry has opened.
///
/// Source: OCI distribution specification 1.1, "Pushing blobs".
struct UploadSession: Sendable {
  /// Where the next request goes; changes with each answer.
  var url: URL
  var reach: Reach
  /// The registry that has opened it.
  let namer: PlaceNamer
  /// Bytes that the registry has taken.
  var offset: Int64 = 0
  /// The registry wants chunks of at least this many bytes.
  var minimumChunk: Int64 = 0
  /// What the registry accepted last; it may have run out.
  var authorization: String?
  /// Whether the registry must be asked how much it has.
  var isUncertain = false
}

/// What comes of asking a registry to take a blob.
enum UploadOpening: Sendable {
  /// The registry has the blob now, from another of its repositories.
  case complete
  case session(UploadSession)
}

/// Why an upload does not go on as planned, without being over.
enum UploadSetback: Error {
  /// The registry knows nothing of the session any more, or takes no more of it.
  case sessionLost
  /// The registry has other bytes than the client thought.
  case misplaced
  /// The registry takes no chunks.
  case chunksRefused
  /// The token is not good any more.
  case challenged

  /// What is told when it happens again and again.
  func error(_ subject: String) -> RegistryError {
    switch self {
    case .sessionLost: RegistryError(.unavailable, "\(subject): the registry gives the upload up; try again later")
    case .misplaced: RegistryError(.unavailable, "\(subject): the registry loses parts of the upload; try again later")
    case .chunksRefused: RegistryError(.unsupported, "\(subject): the registry takes no uploads in chunks")
    case .challenged: RegistryError(.unauthorized, "\(subject): the registry does not accept its own tokens")
    }
  }
}

/// `0-1023`, the range of bytes that an upload has. Source: OCI distribution specification 1.1.
enum UploadRange {
  /// The number of bytes; 0 when the header is missing, as for an upload without any. Nil when it cannot be read.
  static func received(_ headers: HTTPHeaders) -> Int64? {
    guard var text = headers.first(name: "Range")?[...] else { return 0 }
    if text.hasPrefix("bytes=") { text = text.dropFirst(6) }
    let bounds = text.split(separator: "-", omittingEmptySubsequences: false)
    guard bounds.count == 2, bounds[0] == "0", let last = Int64(bounds[1]), last >= 0, last < .max else { return nil }
    // Registries write "0-0" for an empty upload, and for one of a single byte. Nobody sends such chunks.
    return last == 0 ? 0 : last + 1
  }
}

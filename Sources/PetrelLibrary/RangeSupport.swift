// SPDX-License-Identifier: Apache-2.0

import PetrelRegistry
import Synchronization

/// What the source of a blob has turned out to do with ranges. Shared by the connections of one download.
final class RangeSupport: Sendable {
  enum Kind: Sendable {
    /// No answer has come yet.
    case unknown
    case ranges
    /// Whatever is asked for, the whole blob comes.
    case wholeOnly
  }

  private struct State {
    var kind = Kind.unknown
    /// Answers in a row that took no notice of the range, after others did.
    var ignored = 0
    /// Entity tags by origin.
    var tags: [String: String] = [:]
  }

  /// So many answers that ignore the range are taken for an accident.
  private static let accidents = 2

  private let state = Mutex(State())

  var kind: Kind { state.withLock { $0.kind } }

  /// Looks at the head of an answer. Throws ``RegistryError`` (`wrongRange`) when its bytes should not be used.
  func check(_ download: RangeDownload) throws(RegistryError) {
    let failure = state.withLock { state -> RegistryError? in
      if download.isPartial {
        state.kind = .ranges
        state.ignored = 0
      } else if state.kind == .ranges {
        state.ignored += 1
        if state.ignored > Self.accidents { state.kind = .wholeOnly }
        return RegistryError(.wrongRange, "the registry answers with the whole blob where a range was asked for")
      } else {
        state.kind = .wholeOnly
      }
      guard let tag = download.tag else { return nil }
      let known = state.tags.updateValue(tag, forKey: download.origin)
      guard let known, known != tag else { return nil }
      return RegistryError(.wrongRange, "the registry's blob changed while it was downloaded (another ETag)")
    }
    if let failure { throw failure }
  }
}

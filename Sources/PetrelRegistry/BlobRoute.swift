// SPDX-License-Identifier: Apache-2.0

import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Remembers to which storage host a registry redirected the requests for one blob, so that not each of its ranges asks
/// the registry anew. Such URLs expire; a refused one is forgotten.
package final class BlobRoute: Sendable {
  /// A place that a registry has named, and how far requests to it may go.
  struct Place: Sendable {
    let url: URL
    let reach: Reach
    let namer: PlaceNamer
  }

  private let state = Mutex<Place?>(nil)

  package init() {}

  var place: Place? { state.withLock { $0 } }

  func learn(_ place: Place) { state.withLock { $0 = place } }

  /// Makes the next request ask the registry.
  package func forget() { state.withLock { $0 = nil } }
}

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
  private let state = Mutex<URL?>(nil)

  package init() {}

  var url: URL? { state.withLock { $0 } }

  func learn(_ url: URL) { state.withLock { $0 = url } }

  /// Makes the next request ask the registry.
  package func forget() { state.withLock { $0 = nil } }
}

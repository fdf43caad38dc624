// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Synchronization

/// Which models' bundles must stay because an engine is opening their files, or is about to.
final class HeldBundles: Sendable {
  private struct State {
    var counts: [Digest: Int] = [:]
    /// Bundles that were to be removed meanwhile.
    var doomed: Set<Digest> = []
  }

  private let state = Mutex(State())

  func contains(_ id: Digest) -> Bool { state.withLock { $0.counts[id] != nil } }

  fileprivate func add(_ id: Digest) { state.withLock { $0.counts[id, default: 0] += 1 } }

  /// Returns whether the bundle is to be removed now.
  fileprivate func release(_ id: Digest) -> Bool {
    state.withLock { state in
      let left = (state.counts[id] ?? 0) - 1
      state.counts[id] = left > 0 ? left : nil
      return left <= 0 && state.doomed.remove(id) != nil
    }
  }

  /// Runs `action` unless the bundle is held; then it is left to the last who holds it.
  func unlessHeld(_ id: Digest, _ action: () throws -> Void) rethrows {
    try state.withLock { state in
      if state.counts[id] == nil { try action() } else { state.doomed.insert(id) }
    }
  }
}

/// Keeps a model's bundle where it is, even if the model is removed, until the last reference to the hold goes.
package final class BundleHold: Sendable {
  private let id: Digest
  private let store: ModelStore

  fileprivate init(_ id: Digest, in store: ModelStore) {
    self.id = id
    self.store = store
    store.heldBundles.add(id)
  }

  deinit {
    guard store.heldBundles.release(id) else { return }
    DiskLanes.shared.run { [id, store] _ in store.removeBundle(id) }
  }
}

extension ModelStore {
  /// To be had before the bundle is asked for, and to be kept until its files are open.
  package func holdBundle(of id: Digest) -> BundleHold { BundleHold(id, in: self) }
}

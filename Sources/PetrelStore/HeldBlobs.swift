// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Synchronization

/// Which blobs must not be removed because somebody counts on them: a pull that has found them present, an archive that
/// is being loaded and has no manifest yet.
final class HeldBlobs: Sendable {
  private let counts = Mutex<[Digest: Int]>([:])

  func add(_ digests: Set<Digest>) {
    counts.withLock { counts in
      for digest in digests { counts[digest, default: 0] += 1 }
    }
  }

  func release(_ digests: Set<Digest>) {
    counts.withLock { counts in
      for digest in digests {
        let left = (counts[digest] ?? 0) - 1
        counts[digest] = left > 0 ? left : nil
      }
    }
  }

  func contains(_ digest: Digest) -> Bool { counts.withLock { $0[digest] != nil } }

  /// Runs `action` unless the blob is held; nobody can begin to hold it meanwhile.
  func unlessHeld(_ digest: Digest, _ action: () throws -> Void) rethrows {
    try counts.withLock { counts in
      if counts[digest] == nil { try action() }
    }
  }
}

/// Keeps blobs from being removed until the last reference to it goes.
package final class BlobHold: Sendable {
  private let held: HeldBlobs
  private let digests: Mutex<Set<Digest>>

  init(_ digests: Set<Digest>, in held: HeldBlobs) {
    self.held = held
    self.digests = Mutex(digests)
    held.add(digests)
  }

  package func insert(_ digest: Digest) {
    guard digests.withLock({ $0.insert(digest).inserted }) else { return }
    held.add([digest])
  }

  deinit { held.release(digests.withLock { $0 }) }
}

// SPDX-License-Identifier: Apache-2.0

import Crypto
import PetrelOCI

/// The hash of bytes that come piece by piece, computed on a thread of its own.
actor RunningHash {
  private nonisolated let executor = DiskExecutor()
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private var hasher = SHA256()

  /// Of all bytes so far.
  var digest: PetrelOCI.Digest { PetrelOCI.Digest(hasher.finalize()) }

  func update(_ bytes: [UInt8]) { hasher.update(data: bytes) }
}

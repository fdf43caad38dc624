// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI

/// The transfers that are going on. Pulls of one reference are one, unless one of them is to verify what others are not.
actor Transfers {
  typealias Operation = @Sendable (ProgressFeed) async throws -> String

  private struct PullKey: Hashable {
    let reference: ModelReference
    let demand: SignatureDemand?
  }

  private var pulls: [PullKey: Transfer] = [:]
  /// All of them, those that nobody can join any more included.
  private var running: [ObjectIdentifier: Transfer] = [:]
  private var isClosed = false

  /// Joins the pull of `reference` that is going on, or begins one.
  func pull(
    _ reference: ModelReference, verifying demand: SignatureDemand? = nil, _ operation: @escaping Operation
  ) throws -> ProgressStream {
    let key = PullKey(reference: reference, demand: demand)
    if let running = pulls[key], let stream = ProgressStream(running.feed) { return stream }
    let transfer = Transfer(mode: .pull)
    let stream = try begin(transfer, operation)
    pulls[key] = transfer
    return stream
  }

  func push(_ operation: @escaping Operation) throws -> ProgressStream {
    try begin(Transfer(mode: .push), operation)
  }

  /// Cancels all transfers and waits for their end.
  func stopAll() async {
    let transfers = Array(running.values)
    for transfer in transfers { transfer.cancel() }
    for transfer in transfers { await transfer.stop() }
  }

  /// Like ``stopAll()``, and takes no more.
  func close() async {
    isClosed = true
    await stopAll()
  }

  private func begin(_ transfer: Transfer, _ operation: @escaping Operation) throws -> ProgressStream {
    guard !isClosed, let stream = ProgressStream(transfer.feed) else {
      throw LibraryError(.cancelled, "the daemon is shutting down")
    }
    running[ObjectIdentifier(transfer)] = transfer
    transfer.begin(operation) { [weak self] in await self?.forget(transfer) }
    return stream
  }

  private func forget(_ transfer: Transfer) {
    running[ObjectIdentifier(transfer)] = nil
    // A new pull may have taken the place of one that was abandoned.
    if let (key, _) = pulls.first(where: { $0.value === transfer }) { pulls[key] = nil }
  }
}

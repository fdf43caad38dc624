// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelOCI
import PetrelRegistry

/// The downloads of blobs that are going on, each shared by all pulls that want the blob.
actor SharedDownloads {
  typealias Progress = @Sendable (Int64) -> Void

  nonisolated let limits: TransferLimits
  nonisolated let budget: ConnectionBudget
  nonisolated let logger: Logger
  private var running: [Digest: SharedDownload] = [:]

  init(limits: TransferLimits, logger: Logger) {
    self.limits = limits
    self.logger = logger
    budget = ConnectionBudget(connections: limits.connections)
  }

  /// Joins the download of the blob that is going on, or begins one with `operation`. It goes on while anybody wants
  /// it. Throws its error, or `CancellationError` when this caller was cancelled.
  ///
  /// A caller that joined a download for another model, and saw it refused by the registry, begins one of its own: it
  /// may have better credentials.
  func fetch(
    _ digest: Digest, for reference: ModelReference, progress: @escaping Progress,
    _ operation: @escaping @Sendable (_ progress: @escaping Progress) async throws -> Void
  ) async throws {
    while let joined = running[digest] {
      do {
        guard try await joined.wait(progress) else {
          // All others had left, and it is coming to its end.
          await joined.ended()
          continue
        }
        return
      } catch let error as RegistryError {
        if joined.reference == reference { throw error }
        await joined.ended()
      } catch {
        await joined.endedIfAbandoned()
        throw error
      }
    }
    try Task.checkCancellation()
    let download = SharedDownload(reference)
    running[digest] = download
    download.begin(operation) { [weak self] in await self?.forget(digest, download) }
    do {
      _ = try await download.wait(progress)
    } catch {
      await download.endedIfAbandoned()
      throw error
    }
  }

  private func forget(_ digest: Digest, _ download: SharedDownload) {
    if running[digest] === download { running[digest] = nil }
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelAPI

extension DaemonClient {
  package func diskUsage() async throws -> DiskUsage {
    try await decode(DiskUsage.self, from: send(.GET, "/engines/df"))
  }

  /// Checks the store. `onLine` gets all lines but the last.
  package func checkStore(
    _ request: StoreCheckRequest, onLine: (StoreCheckLine) throws -> Void
  ) async throws -> StoreCheckSummary {
    let response = try await send(.POST, "/models/fsck", json: request)
    var decoder = JSONLineDecoder<StoreCheckLine>()
    var summary: StoreCheckSummary?
    func consume(_ line: StoreCheckLine) throws {
      switch line.type {
      case .summary: summary = line.summary
      case .error: throw ClientError(.stream, line.message ?? "the check failed")
      case .progress, .problem, .repaired, .unrepaired: try onLine(line)
      }
    }
    try await forEachPiece(of: response) { piece in
      for line in try decoder.decode(piece) { try consume(line) }
    }
    if let last = try decoder.finish() { try consume(last) }
    guard let summary else {
      throw ClientError(.connection, "the daemon's answer ended before the check did; see its log for the reason")
    }
    return summary
  }

  package func prune(_ request: PruneRequest) async throws -> PruneReport {
    try await decode(PruneReport.self, from: send(.POST, "/models/prune", json: request))
  }

  /// Removes all models.
  package func purge() async throws { try await discard(send(.DELETE, "/models/purge")) }
}

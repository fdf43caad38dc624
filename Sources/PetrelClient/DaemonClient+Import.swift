// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelAPI

extension DaemonClient {
  /// Makes a model of local files. Takes as long as reading them takes.
  package func importModel(_ request: ImportRequest) async throws -> ImportResponse {
    try await decode(ImportResponse.self, from: send(.POST, "/models/import", json: request))
  }
}

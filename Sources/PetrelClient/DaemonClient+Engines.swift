// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelAPI

extension DaemonClient {
  package func version() async throws -> VersionResponse {
    try await decode(VersionResponse.self, from: send(.GET, "/version"))
  }

  /// Backends and their states in words: `Running: llama.cpp b1234`.
  package func engineStatus() async throws -> [String: String] {
    try await decode([String: String].self, from: send(.GET, "/engines/status"))
  }

  package func runners() async throws -> [RunnerObject] {
    try await decode([RunnerObject].self, from: send(.GET, "/engines/ps"))
  }
}

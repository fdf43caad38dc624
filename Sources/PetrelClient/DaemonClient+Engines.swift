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

  /// What a model needs, and whether there is as much. It is not loaded.
  package func fit(model: String) async throws -> FitReport {
    try await decode(FitReport.self, from: send(.GET, "/engines/fit", query: [(name: "model", value: model)]))
  }

  // MARK: Settings

  package func configure(_ request: ConfigureRequest) async throws {
    try await discard(send(.POST, "/engines/_configure", json: request))
  }

  /// - Parameter model: nil for all models that have settings.
  package func settings(of model: String?) async throws -> [ConfiguredModelObject] {
    let query = model.map { [(name: "model", value: $0)] } ?? []
    return try await decode([ConfiguredModelObject].self, from: send(.GET, "/engines/_configure", query: query))
  }

  /// Removes all models from the store.
  package func removeAllModels() async throws { try await discard(send(.DELETE, "/models/purge")) }

  // MARK: Memory and installation

  package func unload(_ request: UnloadRequest) async throws -> UnloadResponse {
    try await decode(UnloadResponse.self, from: send(.POST, "/engines/unload", json: request))
  }

  /// Returns when the backend is installed.
  package func installBackend(_ request: BackendRequest) async throws {
    try await discard(send(.POST, "/engines/install-backend", json: request))
  }

  package func uninstallBackend(_ request: BackendRequest) async throws {
    try await discard(send(.POST, "/engines/uninstall-backend", json: request))
  }
}

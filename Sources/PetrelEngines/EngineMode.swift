// SPDX-License-Identifier: Apache-2.0

/// What an engine process is started for. One process serves one model in one mode.
package enum EngineMode: String, Sendable, Hashable, CaseIterable {
  case completion
  case embedding
  case reranking
}

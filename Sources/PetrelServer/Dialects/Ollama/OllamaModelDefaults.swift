// SPDX-License-Identifier: Apache-2.0

import PetrelLibrary
import PetrelOCI
import PetrelOllama
import PetrelScheduling
import Synchronization

/// Remembers what models bring for requests that say nothing else, so that a request is answered on its event loop.
final class OllamaModelDefaults: Sendable {
  private struct State {
    var generation: UInt64 = 0
    var known: [String: OllamaDefaults] = [:]
  }

  private static let maximumNames = 1024
  private let state = Mutex(State())
  private let library: ModelLibrary
  private let board: RunnerBoard

  init(library: ModelLibrary, board: RunnerBoard) {
    self.library = library
    self.board = board
  }

  /// Nil when it is not known what the name means now.
  subscript(name: String) -> OllamaDefaults? {
    let generation = board.namesGeneration
    return state.withLock { $0.generation == generation ? $0.known[name] : nil }
  }

  /// - Throws: ``LibraryError`` when there is no such model.
  func look(up name: String) async throws -> OllamaDefaults {
    // A tag may move while the name is looked up; then it is not learnt.
    let generation = board.namesGeneration
    let defaults = try await library.ollamaDefaults(of: try await library.resolve(name))
    if generation == board.namesGeneration {
      state.withLock { state in
        if state.generation != generation || state.known.count >= Self.maximumNames { state.known.removeAll() }
        state.generation = generation
        state.known[name] = defaults
      }
    }
    return defaults
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelResponseStore
import PetrelWire
import Synchronization

/// Responses that are being generated, so that they can be looked at and cancelled.
final class RunningResponses: Sendable {
  private struct Weak {
    weak var response: RunningResponse?
  }

  private let responses = Mutex<[String: Weak]>([:])

  func add(_ response: RunningResponse) {
    responses.withLock { $0[response.id] = Weak(response: response) }
  }

  var ids: [String] { responses.withLock { Array($0.keys) } }

  /// - Parameter reader: whose request it is; nil for one that needs no key. What belongs to others is not there.
  subscript(id: String, for reader: String? = nil) -> RunningResponse? {
    let response = responses.withLock { $0[id]?.response }
    return response.flatMap { StoredResponse.isOpen($0.owner, to: reader) ? $0 : nil }
  }

  /// It is complete, and kept where it is to be kept: there is nothing left to look at or to cancel here.
  func remove(_ id: String) { _ = responses.withLock { $0.removeValue(forKey: id) } }
}

/// One of them, as long as its answer is held, or until it is removed.
final class RunningResponse: Sendable {
  private struct State {
    var isCancelled = false
    /// Ends an answer that comes in one piece: nothing of the engine is seen before its end.
    var stop: (@Sendable () -> Void)?
  }

  let id: String
  let owner: String?
  /// The response object as it began.
  let node: JSONNode
  private let state = Mutex(State())
  private let registry: RunningResponses

  init(id: String, owner: String?, node: JSONNode, registry: RunningResponses) {
    self.id = id
    self.owner = owner
    self.node = node
    self.registry = registry
    registry.add(self)
  }

  deinit { registry.remove(id) }

  var isCancelled: Bool { state.withLock { $0.isCancelled } }

  /// Says how the answer is ended. Called at once when it has been cancelled already.
  func onCancel(_ stop: @escaping @Sendable () -> Void) {
    let isCancelled = state.withLock { state in
      if !state.isCancelled { state.stop = stop }
      return state.isCancelled
    }
    if isCancelled { stop() }
  }

  func cancel() {
    let stop = state.withLock { state in
      defer { state = State(isCancelled: true) }
      return state.stop
    }
    stop?()
  }
}

// SPDX-License-Identifier: Apache-2.0

/// Whether engines are to be confined.
package enum SandboxMode: String, Sendable, CaseIterable {
  /// Where it can be done.
  case auto
  /// No engine is started otherwise.
  case on
  case off
}

/// Whether engines are confined.
package enum SandboxState: Sendable, Equatable, CustomStringConvertible {
  /// By this program.
  case active(String)
  case switchedOff
  /// For this reason.
  case unavailable(String)

  package var isActive: Bool { if case .active = self { true } else { false } }

  package var description: String {
    switch self {
    case .active(let program): "sandboxed by \(program)"
    case .switchedOff: "not sandboxed: switched off"
    case .unavailable(let reason): "not sandboxed: \(reason)"
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

/// How an engine stores the keys and values of attention. Source: the types that `llama-server --cache-type-k` names,
/// and ggml's block sizes.
package enum CacheType: String, Sendable, Hashable, CaseIterable {
  case f32, f16, bf16
  case q80 = "q8_0"
  case q40 = "q4_0"
  case q41 = "q4_1"
  case q50 = "q5_0"
  case q51 = "q5_1"
  case iq4nl = "iq4_nl"

  /// Bytes of one element, the share of its block's scale included.
  package var elementSize: Double {
    switch self {
    case .f32: 4
    case .f16, .bf16: 2
    case .q80: 34.0 / 32
    case .q51: 24.0 / 32
    case .q50: 22.0 / 32
    case .q41: 20.0 / 32
    case .q40, .iq4nl: 18.0 / 32
    }
  }
}

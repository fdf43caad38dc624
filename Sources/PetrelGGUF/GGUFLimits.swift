// SPDX-License-Identifier: Apache-2.0

/// Bounds on what a header may ask for, far above what models have and far below what would hurt.
package enum GGUFLimits {
  /// Longer arrays are skipped, not kept. The reference's number: it decides what configs contain.
  package static let arrayElements: UInt64 = 50
  /// Key-value pairs of one file.
  static let pairs: UInt64 = 16_384
  /// Tensors of one file. The largest models have a few thousand.
  static let tensors: UInt64 = 65_536
  /// ggml itself knows four.
  static let dimensions: UInt32 = 8
  /// Bytes of a key. Source: the GGUF specification.
  static let keyLength: UInt64 = 65_535
  /// Bytes of a tensor's name. ggml itself allows 63.
  static let tensorNameLength: UInt64 = 1024
  /// Bytes of a text that is kept. Chat templates have some ten thousand.
  static let textLength: UInt64 = 1 << 20
  /// Bytes of all keys, names and texts that are kept.
  static let retainedText: UInt64 = 16 << 20
  /// Strings and inner arrays that are walked over one by one. The largest vocabularies have half a million.
  static let walkedElements: UInt64 = 2_000_000
  /// Arrays inside arrays.
  static let arrayDepth = 4
  /// Bytes that are read at a time.
  static let window = 64 * 1024
}

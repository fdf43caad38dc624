// SPDX-License-Identifier: Apache-2.0

/// Bounds on what a header may ask for, far above what models have and far below what would hurt.
enum SafetensorsLimits {
  /// Bytes of the header. Source: the format's own limit, in rounder numbers.
  static let header: UInt64 = 100 << 20
  /// Bytes of one key or text that is kept; longer texts of the metadata are left out.
  static let text = 1 << 20
  /// Bytes of all texts that are kept.
  static let retainedText = 16 << 20
  /// Bytes of a tensor's type.
  static let typeName = 64
  /// Numbers in a shape.
  static let dimensions = 64
  /// Arrays and objects inside each other, in members that are of no interest.
  static let depth = 64
  /// Bytes that are read at a time.
  static let window = 64 * 1024
}

// SPDX-License-Identifier: Apache-2.0

/// Bytes that can be read at any place: an open file, or bytes in memory.
package protocol SafetensorsSource {
  /// Bytes in all.
  var size: UInt64 { get }

  /// The `count` bytes at `offset`, fewer only if the source ends before.
  func readBytes(at offset: UInt64, count: Int) throws(SafetensorsError) -> [UInt8]
}

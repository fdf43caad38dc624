// SPDX-License-Identifier: Apache-2.0

/// How much is downloaded at a time, and in what pieces.
package struct TransferLimits: Sendable {
  /// Layers of one pull.
  package var layers = 4
  /// Connections of all downloads together.
  package var connections = 8
  package var connectionsPerBlob = 4
  /// Bytes: a blob of this size comes in ranges, a smaller one in a single stream.
  package var rangesFrom: Int64 = 64 * 1024 * 1024
  /// Bytes of a chunk, of which a request brings one, or several from a source that is very fast; nil to choose by the
  /// blob's size.
  package var chunkSize: Int64?
  /// A range that brings nothing for so long, or that would take longer than this and is much slower than the others,
  /// is asked for anew when there are connections to spare.
  package var slowAfter = Duration.seconds(5)

  package init() {}
}

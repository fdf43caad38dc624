// SPDX-License-Identifier: Apache-2.0

/// How much memory there is for one more engine, and how that comes about.
package struct FreeMemory: Sendable, Hashable {
  /// What all engines may use together, when the user has set a limit.
  package var limit: ByteCount?
  /// What the system could give without swapping. It counts the pages of mapped files among that.
  package var available: ByteCount
  /// What stays free for everything else.
  package var reserve: ByteCount
  /// What engines have in memory, and of that the pages of mapped files: the system would take them, and the engines
  /// would read them again and again.
  package var held: ByteCount
  package var heldFiles: ByteCount
  /// What engines that are being loaded will take.
  package var promised: ByteCount

  package init(
    limit: ByteCount? = nil, total: ByteCount, available: ByteCount, held: ByteCount = .zero,
    heldFiles: ByteCount = .zero, promised: ByteCount = .zero
  ) {
    self.limit = limit
    self.available = available
    reserve = Self.reserve(of: total)
    self.held = held
    self.heldFiles = heldFiles
    self.promised = promised
  }

  /// A sixteenth, and no more than half a gibibyte.
  private static func reserve(of total: ByteCount) -> ByteCount { min(ByteCount(total.bytes / 16), .mebibytes(512)) }

  /// What one more engine may take.
  package var usable: ByteCount {
    let system = available - heldFiles - reserve - promised
    return limit.map { min(system, $0 - held - promised) } ?? system
  }
}

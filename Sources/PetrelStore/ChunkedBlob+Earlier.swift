// SPDX-License-Identifier: Apache-2.0

import Synchronization
import SystemPackage

extension ChunkedBlob {
  /// Counts what an earlier session has left.
  func takeOver(_ records: ChunkRecords) throws {
    let length = try files.reportingErrno("look at") { try files.data.file.stat().size }
    for (chunk, entry) in records.entries where layout.range(of: chunk).upperBound <= length {
      // Not known to have reached the disk before the machine went down, if it did.
      if !records.isDurable(chunk), try readChecksum(chunk) != entry.checksum { continue }
      take(chunk, Slot(checksum: entry.checksum, isChecked: false))
    }
    let adopted = min(records.adopted, length)
    for chunk in 0..<layout.count where records.entries[chunk] == nil && !records.dropped.contains(chunk) {
      let range = layout.range(of: chunk)
      if range.upperBound <= adopted {
        take(chunk, Slot(checksum: nil, isChecked: false))
      } else if range.lowerBound < adopted {
        let filling = ChunkFilling(range, usesBlocks: false)
        filling.fill.withLock { $0.insert(range.lowerBound..<adopted, bytes: nil) }
        state.withLock { state in
          state.filling[chunk] = filling
          state.received += adopted - range.lowerBound
        }
      }
    }
    completed.yield()
  }

  private func take(_ chunk: Int, _ slot: Slot) {
    state.withLock { state in
      state.slots[chunk] = slot
      state.received += Int64(layout.range(of: chunk).count)
    }
  }
}

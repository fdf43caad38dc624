// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Puts the time before each line of a program's output on its way into a log. Bytes pass on as they come, so a line of
/// any length holds nothing up.
package final class LineStamper: Sendable {
  private let log: RotatingLog
  private let isAtLineStart = Mutex(true)

  package init(_ log: RotatingLog) { self.log = log }

  package func append(_ bytes: UnsafeRawBufferPointer) {
    isAtLineStart.withLock { isAtLineStart in
      var stamped: [UInt8] = []
      stamped.reserveCapacity(bytes.count + 256)
      let mark = Array(LogTimestamp.now().utf8)
      var rest = bytes[...]
      while !rest.isEmpty {
        if isAtLineStart { stamped += mark }
        let end = rest.firstIndex(of: 0x0A)
        let line = rest[...(end ?? rest.endIndex - 1)]
        stamped += line
        rest = rest[line.endIndex...]
        isAtLineStart = end != nil
      }
      stamped.withUnsafeBytes { log.append($0) }
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Measures one request while it passes, on its event loop.
struct RequestMeter {
  /// The status of an answer that the client did not wait for, as nginx has it.
  static let clientLeft = 499

  let path: String
  let start: NIODeadline
  private(set) var firstBody: NIODeadline?
  private(set) var usage: TokenUsage?
  private(set) var status = 0
  private(set) var isEventStream = false

  init(path: String, start: NIODeadline = .now()) {
    self.path = path
    self.start = start
  }

  mutating func begin(status: Int, isEventStream: Bool) {
    self.status = status
    self.isEventStream = isEventStream
  }

  mutating func received(_ piece: ByteBuffer) {
    if isEventStream, firstBody == nil { firstBody = .now() }
    guard status == 200, let found = TokenUsage(in: piece) else { return }
    usage = found
  }

  /// The answer did not come whole.
  mutating func breakOff(status: Int) { self.status = status }
}

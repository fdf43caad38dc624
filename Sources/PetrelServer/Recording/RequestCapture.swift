// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelScheduling

/// A request that has been answered, as it passed. Its buffers share their bytes with nobody who still writes.
struct CapturedRequest: Sendable {
  var key: RunnerKey
  var model: String
  var url: String
  var userAgent: String?
  var origin: String?
  /// Nanoseconds since 1970, when the request came.
  var time: Int64
  var request: ByteBuffer
  /// Whether the bodies of request and answer are recorded.
  var keepsBodies = true
  var isRequestCut = false
  var response = ByteBuffer()
  var isResponseCut = false
  var isEventStream = false
  /// Nil when the client left before the answer was complete.
  var status: Int?
}

/// Notes one request while it passes, on its event loop. Costs a copy of the answer, up to a limit.
final class RequestCapture {
  /// More of an answer is not kept.
  static let maximumResponse = 256 * 1024
  /// Larger bodies are cut to ``cutRequest``, so that requests which wait to be recorded hold little memory.
  static let maximumRequest = 1024 * 1024
  static let cutRequest = 64 * 1024

  private var captured: CapturedRequest
  private let intake: RecordIntake
  private var isFinished = false

  init(_ captured: CapturedRequest, intake: RecordIntake) {
    self.captured = captured
    self.intake = intake
    let body = captured.request
    guard body.readableBytes > Self.maximumRequest else { return }
    self.captured.request = ByteBuffer(bytes: body.readableBytesView.prefix(Self.cutRequest))
    self.captured.isRequestCut = true
  }

  /// Says where the request came from, unless it says so itself, and what was done to it.
  ///
  /// - Parameter changes: empty when the prompt went on as it came.
  func note(origin: String, changes: [String]) {
    let origin = captured.origin ?? origin
    captured.origin = changes.isEmpty ? origin : "\(origin); prompt rules: \(changes.joined(separator: ", "))"
  }

  func begin(status: Int, isEventStream: Bool) {
    captured.status = status
    captured.isEventStream = isEventStream
  }

  func append(_ bytes: ByteBuffer) {
    guard captured.keepsBodies else { return }
    let room = Self.maximumResponse - captured.response.readableBytes
    if bytes.readableBytes <= room {
      captured.response.writeImmutableBuffer(bytes)
    } else {
      captured.response.writeBytes(bytes.readableBytesView.prefix(room))
      captured.isResponseCut = true
    }
  }

  /// The answer is complete.
  func finish() { hand(over: captured.status) }

  /// The client left, or the engine ended, before the answer was complete.
  func breakOff(status: Int?) { hand(over: status) }

  private func hand(over status: Int?) {
    guard !isFinished else { return }
    isFinished = true
    captured.status = status
    intake.put(captured)
  }
}

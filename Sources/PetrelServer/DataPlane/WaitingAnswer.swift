// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelHTTP
import PetrelScheduling

/// The client's side of a request that waits for its engine. A stream that has waited for a while is begun, and hears in
/// comments what it waits for; clients skip those, and neither they nor proxies give up. Everything else hears of it in
/// the headers of its answer.
///
/// Bound to the exchange's event loop.
final class WaitingAnswer {
  /// When a stream is begun, and how often it is told.
  struct Pace: Sendable {
    /// What fails sooner is answered with its status.
    var patience = TimeAmount.seconds(3)
    var interval = TimeAmount.seconds(5)
  }

  let ticket = WaitingTicket()
  private let exchange: Exchange
  private let pace: Pace
  private var timer: Scheduled<Void>?

  /// - Parameter wantsStream: whether the client wants server-sent events.
  init(_ exchange: Exchange, wantsStream: Bool, pace: Pace) {
    self.exchange = exchange
    self.pace = pace
    if wantsStream { schedule(after: pace.patience) }
  }

  private func schedule(after time: TimeAmount) {
    timer = exchange.eventLoop.assumeIsolated().scheduleTask(in: time) { self.tell() }
  }

  private func tell() {
    guard exchange.isOpen else { return }
    if !exchange.hasStarted {
      exchange.start(
        .ok, headers: HTTPHeaders([("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache")]) + headers)
    }
    if exchange.isWritable {
      exchange.write(ByteBuffer(string: ": \(ticket.standing?.text ?? "preparing")\n\n"))
      exchange.flush()
    }
    schedule(after: pace.interval)
  }

  /// The wait is over, whatever came of it.
  func end() { timer?.cancel() }

  /// What the client is told in headers: where it stood when it began to wait. Empty when it did not have to.
  var headers: HTTPHeaders {
    guard let first = ticket.first else { return [:] }
    var headers: HTTPHeaders = [
      "X-Petrel-Queue-Position": String(first.ahead + 1), "X-Petrel-Queue-State": first.state,
    ]
    if let wait = first.estimatedWait { headers.add(name: "X-Petrel-Estimated-Wait", value: wait.secondsText) }
    return headers
  }
}

extension HTTPHeaders {
  fileprivate static func + (a: HTTPHeaders, b: HTTPHeaders) -> HTTPHeaders {
    var sum = a
    sum.add(contentsOf: b)
    return sum
  }
}

extension QueueStanding {
  fileprivate var state: String {
    switch phase {
    case .waitingForRoom: "waiting-for-memory"
    case .loading: "loading"
    case .queued: "queued"
    }
  }

  /// `queued: 3 requests go before this one, about 12 s`.
  fileprivate var text: String {
    let line = ahead == 0 ? "" : ": \(ahead) \(ahead == 1 ? "request goes" : "requests go") before this one"
    return phase.rawValue + line + (estimatedWait.map { ", about \($0.secondsText) s" } ?? "")
  }
}

extension Duration {
  /// Whole seconds, rounded up.
  fileprivate var secondsText: String { String(components.seconds + (components.attoseconds > 0 ? 1 : 0)) }
}

extension Exchange {
  /// Answers with an error: as such, or as the last event of a stream that has begun.
  func refuse(_ error: OpenAIError) {
    guard hasStarted else { return respond(error.response) }
    write(ByteBuffer(string: "data: \(error.json)\n\n"))
    finish()
  }
}

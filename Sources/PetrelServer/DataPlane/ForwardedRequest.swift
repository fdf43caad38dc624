// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelHTTP
import PetrelScheduling

/// One request on its way through: the client's exchange on one side, an engine's connection on the other, both on one
/// event loop. Bytes are relayed as they come.
///
/// The exchange and the connection keep this object alive while it works.
final class ForwardedRequest: UpstreamUser {
  private let exchange: Exchange
  private let pool: UpstreamPool
  private let lease: RunnerLease
  private let head: ByteBuffer
  private let body: ByteBuffer
  private let capture: RequestCapture?
  /// Puts the answer into another dialect; nil when it passes as it comes.
  private let translation: TranslatedAnswer?
  private var meter: RequestMeter
  /// Beside the engine's own.
  private let extraHeaders: HTTPHeaders
  private let onEngineLost: (RunnerLease, Exchange, _ isEventStream: Bool) -> Void
  private var connection: UpstreamConnection?
  private var hasReceived = false
  private var isEventStream = false
  private var pacing = ReadPacing()
  /// Since the last read was complete. An engine sends each event as a chunk of its own.
  private var eventsRead = 0
  /// Collected when the engine refuses, to be put into the dialect's form.
  private var errorBody: EngineErrorBody?

  /// - Parameters:
  ///   - capture: notes the answer for the record; nil when it is not recorded.
  ///   - translation: writes the answer in place of the engine's own words.
  ///   - extraHeaders: for the client, beside the engine's own.
  ///   - onEngineLost: answers the client when the engine ended before its response did.
  init(
    exchange: Exchange, pool: UpstreamPool, lease: RunnerLease, head: ByteBuffer, body: ByteBuffer,
    capture: RequestCapture? = nil, translation: TranslatedAnswer? = nil, extraHeaders: HTTPHeaders = [:],
    onEngineLost: @escaping (RunnerLease, Exchange, _ isEventStream: Bool) -> Void
  ) {
    self.exchange = exchange
    self.pool = pool
    self.lease = lease
    self.head = head
    self.body = body
    self.capture = capture
    self.translation = translation
    meter = RequestMeter(path: exchange.path, start: exchange.start)
    self.extraHeaders = extraHeaders
    // A stream may have been begun while the request waited.
    isEventStream = exchange.hasStarted && translation == nil
    self.onEngineLost = onEngineLost
  }

  func start() {
    exchange.onClose = { self.clientLeft() }
    exchange.onWritable = { self.connection?.resume() }
    if let connection = pool.takeIdle(lease.socket) {
      send(on: connection)
    } else {
      connect()
    }
  }

  private func connect() {
    pool.connect(lease.socket).whenComplete { result in
      switch result {
      case .success(let connection):
        if self.exchange.isOpen { self.send(on: connection) } else { connection.close() }
      case .failure: if self.exchange.isOpen { self.engineLost() }
      }
    }
  }

  private func send(on connection: UpstreamConnection) {
    self.connection = connection
    connection.send(head, body, for: self)
  }

  // MARK: Engine

  func upstreamRead(_ bytes: ByteBuffer) {
    guard let connection else { return }
    hasReceived = true
    connection.parser.feed(bytes)
    do {
      while self.connection != nil, let event = try connection.parser.next() { relay(event) }
    } catch {
      engineLost()
    }
  }

  func upstreamReadComplete() {
    exchange.flush()
    if !exchange.isWritable {
      connection?.pause()
    } else if isEventStream, let wait = pacing.wait(afterReading: eventsRead, at: .now()) {
      connection?.pause(for: wait)
    }
    eventsRead = 0
  }

  func upstreamClosed() {
    guard let connection else { return }
    // An engine may close a kept connection at the moment it is used again; nothing has been done for the request then.
    if !hasReceived, connection.served > 0 {
      self.connection = nil
      return connect()
    }
    do {
      relay(try connection.parser.endOfStream())
    } catch {
      engineLost()
    }
  }

  private func relay(_ event: EngineResponseParser.Event) {
    switch event {
    case .head(let status, let headers):
      let isStream = headers.first(name: "Content-Type")?.hasPrefix("text/event-stream") == true
      capture?.begin(status: Int(status.code), isEventStream: isStream)
      meter.begin(status: Int(status.code), isEventStream: isStream)
      if status.code >= 400 {
        errorBody = EngineErrorBody(status: status)
        return
      }
      isEventStream = isStream
      if let translation {
        translation.begin(isEventStream: isStream)
      } else {
        var headers = headers
        if !extraHeaders.isEmpty { headers.add(contentsOf: extraHeaders) }
        exchange.start(status, headers: headers)
      }
    case .body(let bytes):
      eventsRead += 1
      capture?.append(bytes)
      meter.received(bytes)
      if errorBody != nil {
        errorBody?.append(bytes)
      } else if let translation {
        if let failure = translation.receive(bytes) { abandon(failure, translation) }
      } else {
        exchange.write(bytes)
      }
    case .end(let keepAlive):
      capture?.finish()
      pool.metrics.count(meter, lease)
      // A translation may take longer than the engine; a client that leaves then leaves nothing to stop.
      exchange.onClose = nil
      exchange.onWritable = nil
      lease.release()
      let connection = connection
      self.connection = nil
      connection?.finish(keepAlive: keepAlive)
      if let translation {
        if let errorBody { translation.fail(errorBody.error) } else { translation.end() }
      } else if let errorBody {
        exchange.refuse(errorBody.error)
      } else {
        exchange.finish()
      }
    }
  }

  /// What the engine sends can't be translated, so that nothing more of it is wanted.
  private func abandon(_ failure: OpenAIError, _ translation: TranslatedAnswer) {
    breakOff(status: Int(failure.status.code))
    exchange.onClose = nil
    exchange.onWritable = nil
    connection?.close()
    connection = nil
    lease.release()
    translation.fail(failure)
  }

  /// - Parameter status: nil when the client has left.
  private func breakOff(status: Int?) {
    capture?.breakOff(status: status)
    meter.breakOff(status: status ?? RequestMeter.clientLeft)
    pool.metrics.count(meter, lease)
  }

  private func engineLost() {
    breakOff(status: 500)
    connection?.close()
    connection = nil
    exchange.onClose = nil
    exchange.onWritable = nil
    onEngineLost(lease, exchange, isEventStream)
  }

  // MARK: Client

  private func clientLeft() {
    breakOff(status: nil)
    // The engine sees the close and stops to generate.
    connection?.close()
    connection = nil
    lease.release()
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelHTTP
import PetrelWire

/// The client's side of a translated request: takes what the engine sends and writes it in the dialect. A stream that
/// has nothing to say for a while, as the model loads or the prompt is long, is kept alive.
///
/// Bound to the exchange's event loop.
final class TranslatedAnswer {
  /// Below the 30 or 60 seconds after which proxies and clients give up.
  static let keepAliveInterval = TimeAmount.seconds(10)
  /// Larger answers are translated on a task.
  private static let translatedOnLoop = 64 * 1024

  private let exchange: Exchange
  private let refusal: (OpenAIError) -> SimpleResponse
  private let interval: TimeAmount
  private var translator: any AnswerTranslator
  private var decoder = SSEDecoder()
  /// An answer that comes in one piece; nil for a stream.
  private var whole: ByteBuffer?
  private var timer: Scheduled<Void>?
  private var hasSpoken = false

  init(
    _ exchange: Exchange, _ translator: any AnswerTranslator, keepAliveEvery interval: TimeAmount,
    refusal: @escaping (OpenAIError) -> SimpleResponse
  ) {
    self.exchange = exchange
    self.translator = translator
    self.refusal = refusal
    self.interval = interval
    if translator.streamHeaders != nil { scheduleKeepAlive() }
    self.translator.begin(exchange)
  }

  func leased() { translator.leased() }

  /// Answers a request that only loads.
  func loaded() {
    timer?.cancel()
    guard exchange.hasStarted else { return exchange.respond(translator.loaded()) }
    exchange.write(translator.loaded().body)
    exchange.finish()
  }

  // MARK: From the engine

  func begin(isEventStream: Bool) {
    if isEventStream, translator.streamHeaders != nil { startStream() } else { whole = ByteBuffer() }
  }

  /// - Returns: why nothing more of the engine's answer is wanted; nil to go on.
  func receive(_ bytes: ByteBuffer) -> OpenAIError? {
    if whole != nil {
      whole?.writeImmutableBuffer(bytes)
      let isTooLong = (whole?.readableBytes ?? 0) > InferenceLane.bodyLimit
      return isTooLong ? Self.unreadable("it is longer than \(InferenceLane.bodyLimit) bytes") : nil
    }
    var output: [UInt8] = []
    defer { write(output) }
    do {
      let events = try bytes.withUnsafeReadableBytes { bytes in
        Result { () throws(SSELimitError) in try decoder.decode(bytes) }
      }.get()
      for event in events where event.data != "[DONE]" { try translator.translate(event, into: &output) }
      return nil
    } catch let error as OpenAIError {
      return error
    } catch {
      return Self.unreadable("\(error)")
    }
  }

  /// The engine's answer is complete.
  func end() {
    timer?.cancel()
    if let whole { return endWhole(whole) }
    var output: [UInt8] = []
    do {
      if let event = try decoder.finish(), event.data != "[DONE]" { try translator.translate(event, into: &output) }
      try translator.finish(into: &output)
      conclude(with: output)
    } catch let error as OpenAIError {
      write(output)
      fail(error)
    } catch {
      fail(Self.unreadable("\(error)"))
    }
  }

  private func endWhole(_ body: ByteBuffer) {
    guard body.readableBytes > Self.translatedOnLoop else {
      return respond(with: Result { () throws(OpenAIError) in try translator.translate(whole: body) })
    }
    let bound = NIOLoopBound(self, eventLoop: exchange.eventLoop)
    let loop = exchange.eventLoop
    // Ends by itself: it only computes.
    Task { [untouched = translator] in
      var translator = untouched
      let result = Result { () throws(OpenAIError) in try translator.translate(whole: body) }
      let used = translator
      loop.execute {
        bound.value.translator = used
        bound.value.respond(with: result)
      }
    }
  }

  private func respond(with result: Result<SimpleResponse, OpenAIError>) {
    guard exchange.isOpen else { return }
    switch result {
    case .success(let response):
      conclude { $0.exchange.hasStarted ? $0.finish(response.body) : $0.exchange.respond(response) }
    case .failure(let error): fail(error)
    }
  }

  private func finish(_ rest: ByteBuffer) {
    exchange.write(rest)
    exchange.finish()
  }

  private func conclude(with output: [UInt8]) { conclude { $0.finish(ByteBuffer(bytes: output)) } }

  /// Tells the client of the end, once what must be done before has been done.
  private func conclude(_ tell: @escaping @Sendable (TranslatedAnswer) -> Void) {
    guard let conclusion = translator.conclusion() else { return tell(self) }
    let bound = NIOLoopBound(self, eventLoop: exchange.eventLoop)
    let loop = exchange.eventLoop
    // Ends with what it waits for.
    Task {
      await conclusion()
      loop.execute { tell(bound.value) }
    }
  }

  /// Tells the client of an error, in the form that the answer has by now.
  func fail(_ error: OpenAIError) {
    timer?.cancel()
    // The end of a request that was cancelled has been told, and kept, already.
    guard exchange.isOpen else { return }
    guard exchange.hasStarted else { return exchange.respond(refusal(error)) }
    var output: [UInt8] = []
    translator.fail(error, into: &output)
    conclude(with: output)
  }

  private static func unreadable(_ reason: String) -> OpenAIError {
    OpenAIError(.internalServerError, "the engine's answer can't be read: \(reason)", code: "engine_error")
  }

  // MARK: To the client

  private func startStream() {
    guard !exchange.hasStarted, let headers = translator.streamHeaders else { return }
    exchange.start(.ok, headers: headers)
  }

  private func write(_ output: [UInt8]) {
    guard !output.isEmpty else { return }
    hasSpoken = true
    exchange.write(ByteBuffer(bytes: output))
  }

  private func scheduleKeepAlive() {
    timer = exchange.eventLoop.assumeIsolated().scheduleTask(in: interval) { [weak self] in self?.keepAlive() }
  }

  private func keepAlive() {
    guard exchange.isOpen else { return }
    // What the client has not read yet keeps it alive as well.
    if !hasSpoken, !exchange.hasStarted || exchange.isWritable {
      startStream()
      exchange.write(translator.keepAlive)
      exchange.flush()
    }
    hasSpoken = false
    scheduleKeepAlive()
  }
}

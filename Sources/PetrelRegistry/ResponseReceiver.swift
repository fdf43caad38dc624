// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import PetrelOCI
import Synchronization

/// Receives one HTTP response on its event loop and hands it on: first the head, then chunks, a few at a time.
///
/// AsyncHTTPClient's async interface would cost a thread hop for each chunk, and its read timeout is the same for all
/// requests of a client and runs even while the reader is the slow side.
final class ResponseReceiver: HTTPClientResponseDelegate, NIOAsyncSequenceProducerDelegate {
  typealias Response = Void

  private struct State: Sendable {
    var source: ResponseBody.Producer.Source?
    var head: CheckedContinuation<HTTPResponseHead, any Error>?
    var hasHead = false
    var task: HTTPClient.Task<Void>?
    /// Set while the reader has enough to do; completing it asks the server for more.
    var demand: EventLoopPromise<Void>?
    var lastActivity = NIODeadline.now()
    var isCancelled = false
  }

  private let state = Mutex(State())
  private let subject: String
  private let stallTimeout: TimeAmount

  private init(subject: String, stallTimeout: Duration) {
    self.subject = subject
    self.stallTimeout = TimeAmount(stallTimeout)
  }

  /// Sends `request` and returns when the head of the response is there.
  ///
  /// - Parameters:
  ///   - subject: what is asked for, for messages.
  ///   - stallTimeout: how long the server may stay silent, before the head and between chunks.
  static func send(
    _ request: HTTPClient.Request, with client: HTTPClient, subject: String, stallTimeout: Duration
  ) async throws -> (head: HTTPResponseHead, body: ResponseBody) {
    let receiver = ResponseReceiver(subject: subject, stallTimeout: stallTimeout)
    // Chunks have at most 2 MiB, so a stream holds at most 4 MiB.
    let producer = ResponseBody.Producer.makeSequence(
      backPressureStrategy: .init(lowWatermark: 1, highWatermark: 2), finishOnDeinit: true, delegate: receiver)
    receiver.state.withLock { $0.source = producer.source }
    let head = try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { receiver.start(request, with: client, head: $0) }
    } onCancel: {
      receiver.cancel()
    }
    return (head, ResponseBody(chunks: producer.sequence, subject: subject, expectedLength: nil))
  }

  private func start(
    _ request: HTTPClient.Request, with client: HTTPClient, head: CheckedContinuation<HTTPResponseHead, any Error>
  ) {
    state.withLock { $0.head = head }
    let task = client.execute(request: request, delegate: self)
    let isCancelled = state.withLock { state in
      state.task = task
      return state.isCancelled
    }
    let tick = TimeAmount.nanoseconds(max(stallTimeout.nanoseconds / 4, 1_000_000))
    let watchdog = task.eventLoop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { [self] _ in
      if isStalled { task.fail(reason: RegistryError(.stalled, "\(subject): no data for \(stallTimeout.seconds) s")) }
    }
    task.futureResult.whenComplete { [self] result in
      watchdog.cancel()
      finish(result)
    }
    if isCancelled { task.cancel() }
  }

  private var isStalled: Bool {
    state.withLock { $0.demand == nil && NIODeadline.now() - $0.lastActivity >= stallTimeout }
  }

  private func cancel() {
    let task = state.withLock { state in
      state.isCancelled = true
      return state.task
    }
    task?.cancel()
  }

  private func finish(_ result: Result<Void, any Error>) {
    let final = state.withLock { state in
      let final = state
      state.head = nil
      state.source = nil
      return final
    }
    guard let failure = failure(of: result, final) else {
      final.source?.finish()
      return
    }
    final.head?.resume(throwing: failure)
    final.source?.finish(failure)
  }

  private func failure(of result: Result<Void, any Error>, _ state: State) -> (any Error)? {
    guard case .failure(let error) = result else { return nil }
    if state.isCancelled { return CancellationError() }
    return RegistryError(transport: error, subject: subject, hasHead: state.hasHead)
  }

  // MARK: HTTPClientResponseDelegate

  func didReceiveHead(task: HTTPClient.Task<Void>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
    let waiting = state.withLock { state in
      state.lastActivity = .now()
      state.hasHead = true
      defer { state.head = nil }
      return state.head
    }
    waiting?.resume(returning: head)
    return task.eventLoop.makeSucceededVoidFuture()
  }

  func didReceiveBodyPart(task: HTTPClient.Task<Void>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
    state.withLock { state in
      state.lastActivity = .now()
      // Inside the lock: the reader's next demand must find the promise.
      guard case .stopProducing = state.source?.yield(buffer) else { return task.eventLoop.makeSucceededVoidFuture() }
      let demand = task.eventLoop.makePromise(of: Void.self)
      state.demand = demand
      return demand.futureResult
    }
  }

  func didFinishRequest(task: HTTPClient.Task<Void>) {}

  // MARK: NIOAsyncSequenceProducerDelegate

  func produceMore() {
    let demand = state.withLock { state in
      state.lastActivity = .now()
      defer { state.demand = nil }
      return state.demand
    }
    demand?.succeed()
  }

  func didTerminate() {
    cancel()
    produceMore()
  }
}

extension TimeAmount {
  fileprivate var seconds: Double { Double(nanoseconds) / 1_000_000_000 }
}

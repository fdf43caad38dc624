// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// The answering side of one request, bound to the connection's event loop: all of it must be used there.
///
/// Exactly one response is sent: ``respond(_:)``, or ``start(_:headers:)``, any number of ``write(_:)`` and
/// ``finish()``; ``abort()`` ends it at any point by closing the connection, which the client sees as truncation.
/// After the client has gone all of them do nothing.
package final class Exchange {
  package let eventLoop: any EventLoop
  /// Of the request.
  package let path: String
  /// When the request's head had come.
  package let start: NIODeadline
  private weak var connection: ConnectionHandler?
  private let isHead: Bool
  private let version: HTTPVersion
  private let commonHeaders: HTTPHeaders
  private var isStarted = false
  private var isOver = false

  /// Kept until the response is over or the connection has ended.
  package var companion: AnyObject?
  /// Called once if the connection ends before the response does.
  package var onClose: (() -> Void)?
  /// Called when the connection can take more bytes after ``isWritable`` was false.
  package var onWritable: (() -> Void)?

  init(connection: ConnectionHandler, eventLoop: any EventLoop, head: RequestHead, commonHeaders: HTTPHeaders) {
    self.connection = connection
    self.eventLoop = eventLoop
    path = head.path
    start = .now()
    isHead = head.method == .HEAD
    version = head.version
    self.commonHeaders = commonHeaders
  }

  package var hasStarted: Bool { isStarted }
  /// Whether a response can still be sent.
  package var isOpen: Bool { !isOver }
  package var isWritable: Bool { !isOver && connection?.isWritable == true }

  package func respond(_ response: SimpleResponse) {
    var headers = response.headers
    headers.replaceOrAdd(name: "Content-Length", value: String(response.body.readableBytes))
    start(response.status, headers: headers)
    if response.body.readableBytes > 0 { write(response.body) }
    finish()
  }

  /// Sends status and headers. Without a `Content-Length` the body is chunked.
  package func start(_ status: HTTPResponseStatus, headers: HTTPHeaders) {
    eventLoop.preconditionInEventLoop()
    guard !isOver, !isStarted, let connection else { return }
    isStarted = true
    var headers = headers
    if isHead, !headers.contains(name: "Content-Length") { headers.add(name: "Content-Length", value: "0") }
    connection.sendHead(status, version, headers, commonHeaders)
  }

  /// Queues body bytes; ``flush()`` or ``finish()`` sends them.
  package func write(_ bytes: ByteBuffer) {
    guard !isOver, isStarted, !isHead, bytes.readableBytes > 0 else { return }
    connection?.sendBody(bytes)
  }

  /// Sends what is queued. The promise succeeds when the bytes are with the kernel.
  package func flush(promise: EventLoopPromise<Void>? = nil) {
    guard !isOver, let connection else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    connection.flush(promise: promise)
  }

  package func finish() {
    guard !isOver, isStarted else { return }
    isOver = true
    drop()
    connection?.sendEnd()
  }

  package func abort() {
    guard !isOver else { return }
    isOver = true
    drop()
    connection?.abort()
  }

  /// The connection ended under the exchange.
  func connectionClosed() {
    guard !isOver else { return }
    isOver = true
    let callback = onClose
    drop()
    callback?()
  }

  func connectionWritable() {
    if !isOver { onWritable?() }
  }

  private func drop() {
    onClose = nil
    onWritable = nil
    companion = nil
  }
}

// Every use is on the event loop, which `start` checks; the class is shared with tasks only through ResponseWriter.
@available(*, unavailable)
extension Exchange: Sendable {}

// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOExtras
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Where to listen.
package enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
  case tcp(host: String, port: Int)
  case unix(path: String)

  package var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): path
    }
  }
}

/// A server socket with its connections.
package struct HTTPListener: Sendable {
  /// What it is bound to, the port filled in when 0 was asked for.
  package let address: ListenAddress
  /// As clients write it: `http://127.0.0.1:12434`, `https://[::1]:12444`, `unix:///path`.
  package let url: String
  private let channel: any Channel
  private let quiescing: ServerQuiescingHelper
  private let drained: EventLoopFuture<Void>
  private let drainPromise: EventLoopPromise<Void>
  private let connections: OpenConnections

  /// Binds and starts to accept.
  ///
  /// A Unix socket's file must not exist; its mode comes from the umask.
  ///
  /// - Parameters:
  ///   - tls: connections speak TLS; nil for plain HTTP.
  ///   - limits: what clients may do.
  /// - Throws: `IOError` when the address can't be bound.
  package static func bind(
    _ address: ListenAddress, tls: NIOSSLContext? = nil, group: any EventLoopGroup, responder: any Responder,
    limits: ConnectionLimits = ConnectionLimits(), logger: Logger
  ) async throws -> HTTPListener {
    let quiescing = ServerQuiescingHelper(group: group)
    let connections = OpenConnections()
    let isUnixSocket = if case .unix = address { true } else { false }
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(quiescing.makeServerChannelHandler(channel: channel))
        }
      }
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          guard connections.add(channel, limit: limits.connections) else {
            try pipeline.addHandler(FullHouse(isPlain: tls == nil))
            return
          }
          if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
          // Each handler on the way of a request costs: the connection's handler does what NIO has further ones for.
          try pipeline.addHandler(
            ByteToMessageHandler(
              HTTPRequestDecoder(
                leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .drop,
                limitConfiguration: limits.decoder)))
          try pipeline.addHandler(
            ConnectionHandler(responder: responder, isUnixSocket: isUnixSocket, limits: limits, logger: logger))
        }
      }
      .childChannelOption(.maxMessagesPerRead, value: 4)
    let channel: any Channel
    switch address {
    case .tcp(let host, let port):
      channel =
        try await bootstrap
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .bind(host: host, port: port).get()
    case .unix(let path):
      channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
    }
    let promise = channel.eventLoop.makePromise(of: Void.self)
    var bound = address
    if case .tcp(let host, _) = address, let port = channel.localAddress?.port { bound = .tcp(host: host, port: port) }
    let scheme =
      switch bound {
      case .tcp: tls == nil ? "http" : "https"
      case .unix: "unix"
      }
    return HTTPListener(
      address: bound, url: "\(scheme)://\(bound)", channel: channel, quiescing: quiescing,
      drained: promise.futureResult, drainPromise: promise,
      connections: connections)
  }

  /// Stops accepting, closes idle connections and lets running answers finish. Returns when the last one has.
  package func drain() async {
    quiescing.initiateShutdown(promise: drainPromise)
    try? await drained.get()
  }

  /// Stops accepting and closes the connections that are left, whatever they do.
  package func close() async {
    try? await channel.close()
    await connections.closeAll()
  }
}

/// The connections of a listener.
private final class OpenConnections: Sendable {
  private let channels = NIOLockedValueBox<[ObjectIdentifier: any Channel]>([:])

  /// Returns false when there are `limit` already.
  func add(_ channel: any Channel, limit: Int) -> Bool {
    let id = ObjectIdentifier(channel)
    let isAdded = channels.withLockedValue { channels in
      guard channels.count < limit else { return false }
      channels[id] = channel
      return true
    }
    if isAdded { channel.closeFuture.whenComplete { [channels] _ in channels.withLockedValue { $0[id] = nil } } }
    return isAdded
  }

  func closeAll() async {
    for channel in channels.withLockedValue({ Array($0.values) }) { try? await channel.close() }
  }
}

/// Turns a connection away that is one too many.
private final class FullHouse: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let isPlain: Bool

  init(isPlain: Bool) { self.isPlain = isPlain }

  func channelActive(context: ChannelHandlerContext) {
    guard isPlain else {
      context.close(promise: nil)
      return
    }
    let text = "too many connections\n"
    let answer =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 5\r\n"
      + "Content-Length: \(text.utf8.count)\r\nConnection: close\r\n\r\n" + text
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer))).assumeIsolated().whenComplete { _ in
      context.close(promise: nil)
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An HTTP proxy on a free loopback port that knows `CONNECT` alone. Names that exist nowhere else lead to ports of this
/// machine, so tests can speak to hosts that are not loopback.
package final class ConnectProxy: Sendable {
  private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

  private struct State {
    var ports: [String: Int] = [:]
    var targets: [String] = []
    var cuts: [Int] = []
  }

  private let state = Mutex(State())
  /// What `Proxy-Authorization` must say; nil: nothing.
  private let authorization: String?
  private let running = Mutex<(port: Int, task: Task<Void, any Error>?)>((0, nil))

  private init(credentials: String?) {
    authorization = credentials.map { "Basic " + Data($0.utf8).base64EncodedString() }
  }

  /// Runs `body` with a proxy that is shut down afterwards.
  ///
  /// - Parameter credentials: `user:password`, if the proxy is to want some.
  package static func with<Result>(
    credentials: String? = nil, isolation: isolated (any Actor)? = #isolation,
    _ body: (ConnectProxy) async throws -> Result
  ) async throws -> Result {
    let proxy = ConnectProxy(credentials: credentials)
    try await proxy.start()
    do {
      let result = try await body(proxy)
      await proxy.stop()
      return result
    } catch {
      await proxy.stop()
      throw error
    }
  }

  /// `127.0.0.1:<port>`.
  package var host: String { "127.0.0.1:\(running.withLock { $0.port })" }

  /// Lets `authority`, a host and a port, lead to a port of this machine.
  package func lead(_ authority: String, to port: Int) {
    state.withLock { $0.ports[authority] = port }
  }

  /// Cuts the next connections after so many bytes that the client has sent through them.
  package func cutConnections(after bytes: [Int]) {
    state.withLock { $0.cuts = bytes }
  }

  /// How many of these cuts are still to come.
  package var cutsLeft: Int { state.withLock { $0.cuts.count } }

  /// The authorities that clients have asked for, with the right credentials.
  package var targets: [String] { state.withLock { $0.targets } }

  private func start() async throws {
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .bind(host: "127.0.0.1", port: 0) { channel in
        channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
      }
    let task = Task { [weak self] in
      try await server.executeThenClose { connections in
        try await withThrowingDiscardingTaskGroup { group in
          for try await connection in connections {
            // A connection that breaks, as many do here, ends alone.
            group.addTask { try? await self?.serve(connection) }
          }
        }
      }
    }
    running.withLock { $0 = (server.channel.localAddress?.port ?? 0, task) }
  }

  private func stop() async {
    let task = running.withLock { $0.task }
    task?.cancel()
    _ = await task?.result
  }

  private func serve(_ client: Connection) async throws {
    try await client.executeThenClose { inbound, outbound in
      var iterator = inbound.makeAsyncIterator()
      var head = ""
      while !head.hasSuffix("\r\n\r\n"), let chunk = try await iterator.next() { head += String(buffer: chunk) }
      guard let port = port(for: head) else {
        let wants = authorization != nil
        return try await outbound.write(
          ByteBuffer(
            string: wants
              ? "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
              : "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"))
      }
      let cut = state.withLock { $0.cuts.isEmpty ? Int.max : $0.cuts.removeFirst() }
      let upstream = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: "127.0.0.1", port: port) { channel in
          channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
        }
      try await upstream.executeThenClose { answers, requests in
        try await outbound.write(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n"))
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            for try await chunk in answers { try await outbound.write(chunk) }
            client.channel.close(promise: nil)
          }
          defer { group.cancelAll() }
          var sent = 0
          while sent < cut, let chunk = try await iterator.next() {
            try await requests.write(
              chunk.getSlice(at: chunk.readerIndex, length: min(chunk.readableBytes, cut - sent)) ?? chunk)
            sent += chunk.readableBytes
          }
        }
      }
    }
  }

  /// Where a request leads; nil when it is refused.
  private func port(for head: String) -> Int? {
    let lines = head.split(separator: "\r\n")
    let words = (lines.first ?? "").split(separator: " ")
    guard words.count == 3, words[0] == "CONNECT" else { return nil }
    if let authorization {
      let given = lines.first { $0.lowercased().hasPrefix("proxy-authorization:") }
      guard let given, given.hasSuffix(" " + authorization) else { return nil }
    }
    let target = String(words[1])
    return state.withLock { state in
      state.targets.append(target)
      return state.ports[target]
    }
  }
}

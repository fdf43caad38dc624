// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import SystemPackage

/// The connections of one event loop to engines. Requests and their engines' connections share the loop, so a byte
/// never changes threads.
final class UpstreamPool {
  /// Each kept connection holds one of the engine's threads, so all loops together keep no more than this.
  static let maximumIdleOfAll = 64
  /// llama-server's HTTP library looks at a kept connection at once for its first 10 ms only, then every 10 ms; a new
  /// connection costs less than that wait.
  static let maximumIdleTime = TimeAmount.milliseconds(8)

  let eventLoop: any EventLoop
  /// Of the requests of this loop.
  let metrics = LoopMetrics()
  private let maximumIdle: Int
  private let maximumIdleTime: TimeAmount
  /// By engine, of which there are few: comparing sockets is cheaper than hashing one.
  private var idle: [(socket: FilePath, connections: [UpstreamConnection])] = []
  private var isSweepScheduled = false

  init(eventLoop: any EventLoop, maximumIdle: Int, maximumIdleTime: TimeAmount) {
    self.eventLoop = eventLoop
    self.maximumIdle = maximumIdle
    self.maximumIdleTime = maximumIdleTime
  }

  /// A connection that has been used before, if a good one is there.
  func takeIdle(_ socket: FilePath) -> UpstreamConnection? {
    guard let index = idle.firstIndex(where: { $0.socket == socket }) else { return nil }
    while let connection = idle[index].connections.popLast() {
      if connection.isActive, connection.idleSince + maximumIdleTime > .now() { return connection }
      connection.close()
    }
    return nil
  }

  func connect(_ socket: FilePath) -> EventLoopFuture<UpstreamConnection>.Isolated {
    let pool = NIOLoopBound(self, eventLoop: eventLoop)
    let loop = eventLoop
    return ClientBootstrap(group: eventLoop)
      .connectTimeout(.seconds(5))
      .connect(unixDomainSocketPath: socket.string)
      .flatMapThrowing { channel in
        let connection = UpstreamConnection(socket: socket, channel: channel, pool: pool.value)
        try channel.pipeline.syncOperations.addHandler(connection)
        return NIOLoopBound(connection, eventLoop: loop)
      }
      .assumeIsolated()
      .map { $0.value }
  }

  func giveBack(_ connection: UpstreamConnection) {
    if let index = idle.firstIndex(where: { $0.socket == connection.socket }) {
      guard idle[index].connections.count < maximumIdle else { return connection.close() }
      idle[index].connections.append(connection)
    } else {
      idle.append((connection.socket, [connection]))
    }
    scheduleSweep()
  }

  /// Closes what has been idle for too long; one timer serves all connections.
  private func scheduleSweep() {
    guard !isSweepScheduled else { return }
    isSweepScheduled = true
    eventLoop.assumeIsolated().scheduleTask(in: maximumIdleTime * 2) {
      self.isSweepScheduled = false
      let limit = NIODeadline.now() - self.maximumIdleTime
      let old = self.idle.flatMap(\.connections).filter { $0.idleSince < limit }
      for connection in old { connection.close() }
      self.idle.removeAll { $0.connections.isEmpty }
      if !self.idle.isEmpty { self.scheduleSweep() }
    }
  }

  func remove(_ connection: UpstreamConnection) {
    guard let index = idle.firstIndex(where: { $0.socket == connection.socket }) else { return }
    idle[index].connections.removeAll { $0 === connection }
  }
}

/// One pool for each event loop of a group.
struct UpstreamPools: Sendable {
  private let pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>]

  init(group: any EventLoopGroup, maximumIdleTime: TimeAmount = UpstreamPool.maximumIdleTime) {
    let loops = Array(group.makeIterator())
    let share = max(2, UpstreamPool.maximumIdleOfAll / max(1, loops.count))
    var pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>] = [:]
    for loop in loops {
      pools[ObjectIdentifier(loop)] = NIOLoopBoundBox.makeBoxSendingValue(
        UpstreamPool(eventLoop: loop, maximumIdle: share, maximumIdleTime: maximumIdleTime), eventLoop: loop)
    }
    self.pools = pools
  }

  /// What the requests of each event loop have come to.
  func metrics() async -> [LoopMetrics.Snapshot] {
    var snapshots: [LoopMetrics.Snapshot] = []
    for pool in pools.values {
      // Fails only when the loop has ended, and the daemon with it.
      guard let snapshot = try? await pool.eventLoop.submit({ pool.value.metrics.snapshot }).get() else { continue }
      snapshots.append(snapshot)
    }
    return snapshots
  }

  /// The pool of the event loop that the caller is on.
  subscript(loop: any EventLoop) -> UpstreamPool {
    guard let pool = pools[ObjectIdentifier(loop)]?.value else { preconditionFailure("a loop of another group") }
    return pool
  }
}

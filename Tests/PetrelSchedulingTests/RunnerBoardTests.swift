// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelOCI
import PetrelTestSupport
import Synchronization
import SystemPackage
import Testing

@testable import PetrelScheduling

@Suite struct RunnerBoardTests {
  private let board = RunnerBoard()
  private let key = RunnerKey(model: Digest(of: Array("model".utf8)), mode: .completion)

  private func putUp(_ runner: RunnerID = 1) {
    board.putUp(runner, key: key, socket: FilePath("/run/\(runner).sock"), displayName: "ai/x")
  }

  private func fill() async throws -> [RunnerLease] {
    var leases: [RunnerLease] = []
    for _ in 0..<RunnerBoard.placesPerRunner {
      leases.append(try #require(try await board.place(for: key, name: "ai/x")))
    }
    return leases
  }

  private func waiting(_ count: Int) async throws {
    try await eventually("\(count) wait") { board.rows().first?.waiting == count }
  }

  @Test func `A name is known after the first request with it, for its mode`() async throws {
    putUp()
    #expect(board.take(name: "ai/x", mode: .completion) == nil)
    let first = try #require(try await board.place(for: key, name: "ai/x"))
    #expect(first.socket == "/run/1.sock")
    #expect(board.take(name: "ai/x", mode: .completion)?.runner == 1)
    #expect(board.take(name: "ai/x", mode: .embedding) == nil)
    #expect(board.take(name: "ai/y", mode: .completion) == nil)
    board.forgetNames()
    #expect(board.take(name: "ai/x", mode: .completion) == nil)
  }

  @Test func `A key without a runner has no place`() async throws {
    #expect(try await board.place(for: key, name: "ai/x") == nil)
  }

  @Test func `A place is given back once, by hand or by dropping the lease`() async throws {
    putUp()
    var lease = try await board.place(for: key, name: "ai/x")
    let other = try await board.place(for: key, name: "ai/x")
    lease?.release()
    lease?.release()
    lease = nil
    #expect(board.rows().first?.isInUse == true)
    other?.release()
    #expect(board.rows().first?.isInUse == false)
    #expect(board.takeDown(1))
  }

  @Test func `A runner in use is not taken down, and an idle one takes its names along`() async throws {
    putUp()
    let lease = try await board.place(for: key, name: "ai/x")
    #expect(!board.takeDown(1))
    #expect(board.idleRunners().isEmpty)
    lease?.release()
    #expect(!board.takeDown(1, ifIdleFor: .seconds(60)))
    #expect(board.idleRunners().map(\.id) == [1])
    #expect(board.takeDown(1))
    #expect(board.take(name: "ai/x", mode: .completion) == nil)
    #expect(!board.takeDown(1))
    #expect(board.rows().isEmpty)
  }

  @Test func `The longest idle runner comes first`() async throws {
    let other = RunnerKey(model: Digest(of: Array("other".utf8)), mode: .completion)
    putUp(1)
    board.putUp(2, key: other, socket: "/run/2.sock", displayName: "ai/y")
    #expect(board.idleRunners().map(\.id) == [1, 2])
    try await board.place(for: key, name: "ai/x")?.release()
    #expect(board.idleRunners().map(\.id) == [2, 1])
  }

  @Test func `Places are limited, and those who wait are served in order`() async throws {
    putUp()
    var leases = try await fill()
    #expect(board.take(name: "ai/x", mode: .completion) == nil)
    let order = Box<[Int]>([])
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 1...3 {
        group.addTask {
          let lease = try await board.place(for: key, name: "ai/x")
          order.withLock { $0.append(number) }
          lease?.release()
        }
        try await waiting(number)
      }
      leases.removeLast().release()
      try await group.waitForAll()
    }
    #expect(order.withLock { $0 } == [1, 2, 3])
    leases.removeAll()
    #expect(board.rows().first?.isInUse == false)
  }

  @Test func `A waiter that is cancelled leaves at once, and the others move up`() async throws {
    putUp()
    var leases = try await fill()
    let first = Task { try await board.place(for: key, name: "ai/x") }
    try await waiting(1)
    let second = Task { try await board.place(for: key, name: "ai/x") }
    try await waiting(2)
    first.cancel()
    await #expect(throws: CancellationError.self) { try await first.value }
    try await waiting(1)
    leases.removeLast().release()
    #expect(try await second.value?.runner == 1)
  }

  @Test func `A waiter of a runner that takes nothing new can leave too`() async throws {
    putUp()
    let leases = try await fill()
    let waiter = Task { try await board.place(for: key, name: "ai/x") }
    try await waiting(1)
    board.hide(1)
    waiter.cancel()
    await #expect(throws: CancellationError.self) { try await waiter.value }
    #expect(board.rows().map(\.waiting) == [0])
    #expect(leases.count == RunnerBoard.placesPerRunner)
  }

  @Test func `Interactive requests pass batch ones, but not those that came long before`() async throws {
    putUp()
    var leases = try await fill()
    let order = Box<[Int]>([])
    let now = ContinuousClock.now
    let arrivals: [(WaitingOrder, Int)] = [
      (WaitingOrder(.batch, arrived: now), 3), (WaitingOrder(.interactive, arrived: now + .seconds(1)), 1),
      (WaitingOrder(.interactive, arrived: now + .seconds(11)), 4),
      (WaitingOrder(.interactive, arrived: now + .seconds(9)), 2),
    ]
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, (place, number)) in arrivals.enumerated() {
        group.addTask {
          let lease = try await board.place(for: key, name: "ai/x", order: place)
          order.withLock { $0.append(number) }
          lease?.release()
        }
        try await waiting(index + 1)
      }
      leases.removeLast().release()
      try await group.waitForAll()
    }
    #expect(order.withLock { $0 } == [1, 2, 3, 4])
    #expect(leases.count == RunnerBoard.placesPerRunner - 1)
  }

  @Test func `Who waits can see how many go before, and how long that may take`() async throws {
    let start = ContinuousClock.now
    var state = BoardState()
    state.putUp(
      1,
      BoardState.Entry(
        key: key, socket: "/run/1.sock", displayName: "ai/x", facts: RunnerFacts(), slots: 1, keepAlive: .forever,
        isPinned: false, idleSince: start))
    let isTaken = state.take(1, now: start)
    #expect(isTaken)
    let waiters = (0..<3).map { _ in state.newWaiter() }
    for id in waiters { state.enqueue(.init(id: id, order: start), at: 1) }
    #expect(state.standing(of: waiters[2], now: start)?.ahead == 2)
    #expect(state.standing(of: waiters[2], now: start)?.wait == nil)
    let next = state.giveBack(1, now: start + .seconds(4))
    #expect(next == .passOn(waiters[0]))
    #expect(state.standing(of: waiters[0], now: start) == nil)
    let standing = try #require(state.standing(of: waiters[2], now: start + .seconds(4)))
    #expect(standing.ahead == 1 && standing.wait == .seconds(8))
  }

  @Test func `An engine gets as many requests at a time as it has slots`() async throws {
    board.putUp(
      1, key: key, socket: "/run/1.sock", displayName: "ai/x",
      facts: RunnerFacts(properties: EngineProperties(contextSize: 512, slots: 2)))
    let first = try await board.place(for: key, name: "ai/x")
    let second = try await board.place(for: key, name: "ai/x")
    #expect(board.take(name: "ai/x", mode: .completion) == nil)
    first?.release()
    #expect(board.take(name: "ai/x", mode: .completion) != nil)
    second?.release()
  }

  @Test func `A waiter that is cancelled beforehand gets nothing`() async throws {
    putUp()
    let leases = try await fill()
    let task = Task {
      try? await Task.sleep(for: .seconds(60))
      return try await board.place(for: key, name: "ai/x")
    }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(leases.count == RunnerBoard.placesPerRunner)
  }

  @Test func `Too many waiters are turned away`() async throws {
    putUp()
    let leases = try await fill()
    let waiters = (0..<RunnerBoard.waitersPerRunner).map { _ in Task { try await board.place(for: key, name: "ai/x") } }
    try await waiting(RunnerBoard.waitersPerRunner)
    let error = await #expect(throws: SchedulingError.self) { try await board.place(for: key, name: "ai/x") }
    #expect(error?.code == .overloaded)
    for waiter in waiters { waiter.cancel() }
    for waiter in waiters { _ = await waiter.result }
    #expect(leases.count == RunnerBoard.placesPerRunner)
  }

  @Test func `A runner that ended fails its waiters, and its leases do no harm`() async throws {
    putUp()
    var leases = try await fill()
    let waiter = Task { try await board.place(for: key, name: "ai/x") }
    try await waiting(1)
    board.takeDownEnded(1)
    let error = await #expect(throws: SchedulingError.self) { try await waiter.value }
    #expect(error?.code == .runnerEnded)
    putUp(2)
    leases.removeAll()
    #expect(board.rows().map(\.isInUse) == [false])
    #expect(try await board.place(for: key, name: "ai/x")?.runner == 2)
  }

  @Test(arguments: 1...5 as ClosedRange<UInt64>)
  func `At random, each is answered once and every place comes back`(seed: UInt64) async throws {
    var random = SeededGenerator(state: seed)
    let answered = Tally()
    var requests: [Task<Void, any Error>] = []
    let held = Box<[RunnerLease]>([])
    putUp(1)
    var runner: RunnerID = 1
    for _ in 0..<400 {
      switch UInt64.random(in: 0..<10, using: &random) {
      case 0..<5:
        requests.append(
          Task {
            defer { answered.add() }
            if let lease = try await board.place(for: key, name: "ai/x") { held.withLock { $0.append(lease) } }
          })
      case 5..<7: held.withLock { if !$0.isEmpty { $0.removeFirst().release() } }
      case 7: held.withLock { if !$0.isEmpty { _ = $0.removeLast() } }
      case 8: requests.randomElement(using: &random)?.cancel()
      default:
        if board.takeDown(runner) || UInt64.random(in: 0..<20, using: &random) == 0 {
          board.takeDownEnded(runner)
          runner += 1
          putUp(runner)
        }
      }
      await Task.yield()
    }
    // Whoever still waits gets a place as the others go.
    try await eventually("all are answered") {
      held.withLock { $0.removeAll() }
      return answered.value == requests.count
    }
    held.withLock { $0.removeAll() }
    for request in requests { _ = await request.result }
    held.withLock { $0.removeAll() }
    #expect(board.rows().map(\.isInUse) == [false])
    #expect(board.takeDown(runner))
  }
}

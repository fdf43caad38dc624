// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelOCI
import PetrelRegistry
import PetrelTestSupport
import Synchronization
import Testing

@testable import PetrelLibrary

@Suite struct SharedDownloadTests {
  private static let digest = Digest(ofText: "blob")
  private let a = ModelReference(registry: "r", repository: "a", version: .tag("1"))
  private let b = ModelReference(registry: "r", repository: "b", version: .tag("1"))
  private let downloads = SharedDownloads(
    limits: TransferLimits(), logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))

  /// A download that waits until it may end.
  private struct Work: Sendable {
    let begun = Tally()
    let ended = Tally()
    let mayEnd = Flag()

    func run(_ progress: SharedDownloads.Progress) async throws {
      begun.add()
      defer { ended.add() }
      progress(10)
      try await mayEnd.wait()
      progress(20)
    }
  }

  private func fetch(_ reference: ModelReference, _ work: Work, _ seen: Tally = Tally()) -> Task<Void, any Error> {
    Task {
      try await downloads.fetch(Self.digest, for: reference, progress: { seen.add(Int($0)) }) { try await work.run($0) }
    }
  }

  @Test func twoShareOneAndBothSeeProgress() async throws {
    let work = Work()
    let (seenByA, seenByB) = (Tally(), Tally())
    let first = fetch(a, work, seenByA)
    try await eventually { seenByA.value == 10 }
    let second = fetch(b, work, seenByB)
    try await eventually { seenByB.value == 10 }
    work.mayEnd.set()
    try await first.value
    try await second.value
    #expect(work.begun.value == 1)
    #expect(seenByA.value == 30 && seenByB.value == 30)
  }

  @Test func oneMayLeaveAndTheLastOneEndsIt() async throws {
    let work = Work()
    let seen = Tally()
    let first = fetch(a, work)
    try await eventually { work.begun.value == 1 }
    let second = fetch(b, work, seen)
    try await eventually { seen.value == 10 }
    first.cancel()
    await #expect(throws: CancellationError.self) { try await first.value }
    #expect(work.ended.value == 0)
    second.cancel()
    await #expect(throws: CancellationError.self) { try await second.value }
    // It has let everything go when the last one has left.
    #expect(work.ended.value == 1)
    work.mayEnd.set()
    try await fetch(a, work).value
    #expect(work.begun.value == 2)
  }

  @Test func whoJoinedARefusedDownloadTriesWithItsOwnCredentials() async throws {
    let joined = Tally()
    let (hasBegun, mayFail) = (Flag(), Flag())
    let first = Task {
      try await downloads.fetch(Self.digest, for: a, progress: { _ in }) { progress in
        progress(1)
        hasBegun.set()
        try await mayFail.wait()
        throw RegistryError(.denied, "no")
      }
    }
    let tries = Tally()
    try await hasBegun.wait()
    let second = Task {
      try await downloads.fetch(Self.digest, for: b, progress: { joined.add(Int($0)) }) { _ in tries.add() }
    }
    try await eventually { joined.value == 1 }
    mayFail.set()
    await #expect(throws: RegistryError.self) { try await first.value }
    try await second.value
    #expect(tries.value == 1)
  }

  // MARK: Connections

  @Test func connectionsAreBounded() async throws {
    let budget = ConnectionBudget(connections: 2)
    try await budget.take()
    #expect(budget.takeAnother())
    #expect(!budget.takeAnother())
    let got = Flag()
    let waiting = Task {
      try await budget.take()
      got.set()
    }
    let cancelled = Task { try await budget.take() }
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
    budget.giveBack()
    try await got.wait()
    try await waiting.value
    budget.giveBack(2)
    #expect(budget.takeAnother() && budget.takeAnother() && !budget.takeAnother())
  }
}

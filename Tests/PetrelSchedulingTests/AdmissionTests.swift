// SPDX-License-Identifier: Apache-2.0

import PetrelMemory
import Testing

@testable import PetrelScheduling

@Suite struct AdmissionTests {
  private let start = ContinuousClock.now

  private func resident(
    _ id: RunnerID, _ held: Int64 = 10, busy: Bool = false, pinned: Bool = false, idleFor seconds: Int = 0
  ) -> Admission.Resident {
    Admission.Resident(
      id: id, held: ByteCount(held), isBusy: busy, isPinned: pinned, isDraining: false,
      idleSince: start - .seconds(seconds))
  }

  private func there(
    _ residents: [Admission.Resident] = [], usable: Int64? = 0, ending: Int = 0, at seconds: Int = 0
  ) -> Admission.Surroundings {
    Admission.Surroundings(
      now: start + .seconds(seconds), residents: residents, ending: ending, usable: usable.map { ByteCount($0) },
      promised: .zero)
  }

  private func admission(_ needs: Int64..., engines: Int = 4, batch: Set<Int> = []) -> Admission {
    var admission = Admission(limits: .init(engines: engines, claims: 3))
    for (index, need) in needs.enumerated() {
      let claim = Admission.Claim(
        id: RunnerID(100 + index), need: ByteCount(need), since: start + .milliseconds(index),
        isBatch: batch.contains(index))
      _ = admission.enqueue(claim)
    }
    return admission
  }

  private func decide(
    _ rules: inout Admission, _ there: Admission.Surroundings, _ expected: Admission.Decision,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let decision = rules.next(there)
    #expect(decision == expected, sourceLocation: sourceLocation)
  }

  @Test func `The one that has been idle for longest goes, and one at a time`() {
    var rules = admission(15)
    let runners = [resident(1, idleFor: 5), resident(2, idleFor: 9), resident(3, idleFor: 20), resident(4, busy: true)]
    decide(&rules, there(runners), .evict(3))
    decide(
      &rules, there([runners[0], runners[1], runners[3]], usable: 0, ending: 1), .wait(until: start + .seconds(5)))
    decide(&rules, there([runners[0], runners[1], runners[3]], usable: 10), .evict(2))
    decide(&rules, there([runners[0], runners[3]], usable: 20), .admit(100))
  }

  @Test func `Idle runners are not ended in vain`() {
    var rules = admission(25)
    // It takes the busy one's memory too; until then the idle one may be of use.
    decide(&rules, there([resident(1), resident(2, 20, busy: true)]), .wait(until: start + .seconds(5)))
    var hopeless = admission(50)
    decide(&hopeless, there([resident(1), resident(2, 20, busy: true)]), .refuse(100, .tooLarge))
  }

  @Test func `Pinned runners are neither ended nor counted on`() {
    var rules = admission(15)
    decide(&rules, there([resident(1, 20, pinned: true)]), .refuse(100, .tooLarge))
    var crowded = admission(0, engines: 1)
    decide(&crowded, there([resident(1, pinned: true)], usable: nil), .refuse(100, .allPinned))
  }

  @Test func `A busy runner is left alone for a while, and then shares`() {
    var rules = admission(5)
    let runners = [resident(1, busy: true), resident(2, busy: true)]
    decide(&rules, there(runners), .wait(until: start + .seconds(5)))
    decide(&rules, there(runners, at: 5), .drain(1))
    decide(&rules, there(runners, at: 299), .drain(1))
    decide(&rules, there(runners, at: 300), .refuse(100, .waitedTooLong))
  }

  @Test func `Small loads pass a large one for a while only`() {
    var early = admission(100, 5)
    let busy = [resident(1, 100, busy: true)]
    decide(&early, there(busy, usable: 5), .admit(101))
    var late = admission(100, 5)
    decide(&late, there(busy, usable: 5, at: 6), .drain(1))
  }

  @Test func `Batch work goes after interactive work, and before what comes much later`() {
    var rules = admission(1, 1, batch: [0])
    let later = Admission.Claim(id: 7, need: ByteCount(Int64(1)), since: start + .seconds(11))
    let isTaken = rules.enqueue(later)
    #expect(isTaken)
    #expect(rules.waiting.map(\.id) == [101, 100, 7])
    let isTakenToo = rules.enqueue(later)
    #expect(!isTakenToo, "the line is bounded")
  }

  @Test func `A load for batch work goes earlier once somebody interactive waits for it, too`() {
    var rules = admission(1, 1, batch: [0])
    #expect(rules.waiting.map(\.id) == [101, 100])
    let isChanged = rules.setBatch(false, of: 100)
    #expect(isChanged)
    #expect(rules.waiting.map(\.id) == [100, 101])
    let isChangedAgain = rules.setBatch(false, of: 100)
    #expect(!isChangedAgain)
    let isBack = rules.setBatch(true, of: 100)
    #expect(isBack)
    #expect(rules.waiting.map(\.id) == [101, 100])
  }

  // MARK: All that can happen

  private static let worlds: [(models: [AdmissionWorld.Model], memory: Int64, engines: Int)] = [
    ([.init(need: 6), .init(need: 6), .init(need: 6)], 10, 3),
    ([.init(need: 4), .init(need: 6), .init(need: 10)], 10, 2),
    ([.init(need: 4, isPinned: true), .init(need: 6), .init(need: 7)], 10, 2),
    ([.init(need: 1), .init(need: 1), .init(need: 1)], 10, 1),
  ]

  @Test(arguments: worlds.indices)
  func `Whatever happens in a small world, nobody waits for ever and the rules hold`(index: Int) {
    let world = Self.worlds[index]
    let first = AdmissionWorld(
      world.models, memory: world.memory, limits: .init(engines: world.engines), start: start)
    var count = 0
    func explore(_ world: AdmissionWorld, depth: Int) {
      count += 1
      var end = world
      end.settle()
      #expect(!end.isWaiting)
      #expect(!end.refused.contains(.waitedTooLong), "it was served, or could not be")
      guard depth > 0 else { return }
      for event in world.events {
        var next = world
        next.happen(event)
        explore(next, depth: depth - 1)
      }
    }
    explore(first, depth: 5)
    #expect(count > 100)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `Whatever happens in a large world, the rules hold and every wait ends`(seed: UInt64) throws {
    var random = SeededGenerator(state: seed)
    let models = (0..<12).map { _ in
      AdmissionWorld.Model(
        need: Int64.random(in: 1...60, using: &random), isPinned: Int.random(in: 0..<10, using: &random) == 0)
    }
    var world = AdmissionWorld(models, memory: 100, limits: .init(engines: 5, claims: 8), start: start)
    for _ in 0..<500 {
      let ranks = world.admission.waiting.map { AdmissionWorld.Event.rank($0.id) }
      guard let event = (world.events + ranks).randomElement(using: &random) else { break }
      world.happen(event)
    }
    #expect(world.admitted >= 10)
    // Even if nothing ends any more, time does it.
    var stuck = world
    stuck.happen(.time(.seconds(301)))
    #expect(!stuck.isWaiting)
    world.settle()
    #expect(!world.isWaiting)
  }
}

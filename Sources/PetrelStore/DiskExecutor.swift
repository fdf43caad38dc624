// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization

/// Runs an actor on a thread of its own, so that what blocks or takes long there holds up no other task.
final class DiskExecutor: SerialExecutor {
  private let queue = DispatchQueue(label: "petrel.disk.serial")

  /// - Parameter probe: told of the changes that the actor makes.
  init(watchedBy probe: DiskProbe? = nil) { DiskWatch.watch(queue, probe) }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}

/// Threads for blocking file operations.
///
/// A concurrent dispatch queue has about as many threads as the machine has cores, and is slow to notice that they
/// wait. Two commits on a slow disk would then keep everybody else from reading. Each lane is a serial queue with a
/// thread of its own instead, so a lane that waits for the disk or for a lock holds up nobody but its caller.
final class DiskLanes: Sendable {
  static let shared = DiskLanes(maximum: 128)

  /// Is given the lane that it runs on.
  typealias Work = @Sendable (DispatchQueue) -> Void

  private struct State {
    var idle: [DispatchQueue] = []
    var count = 0
    /// Taken from the front; `first` counts those that have gone.
    var waiting: [Work] = []
    var first = 0
  }

  private let maximum: Int
  private let state = Mutex(State())

  /// - Parameter maximum: operations at a time; more stand in line.
  init(maximum: Int) { self.maximum = maximum }

  func run(_ work: @escaping Work) {
    let lane = state.withLock { state -> DispatchQueue? in
      if let idle = state.idle.popLast() { return idle }
      guard state.count < maximum else {
        state.waiting.append(work)
        return nil
      }
      state.count += 1
      return DispatchQueue(label: "petrel.disk.\(state.count)")
    }
    if let lane { run(work, on: lane) }
  }

  private func run(_ work: @escaping Work, on lane: DispatchQueue) {
    lane.async { [self] in
      work(lane)
      if let next = next(for: lane) { run(next, on: lane) }
    }
  }

  private func next(for lane: DispatchQueue) -> Work? {
    state.withLock { state in
      guard state.first < state.waiting.count else {
        state.waiting.removeAll(keepingCapacity: true)
        state.first = 0
        state.idle.append(lane)
        return nil
      }
      let work = state.waiting[state.first]
      state.first += 1
      if state.first == 256 {
        state.waiting.removeFirst(state.first)
        state.first = 0
      }
      return work
    }
  }
}

/// Runs blocking file operations off the cooperative thread pool. Not interrupted by cancellation.
///
/// - Parameter probe: told of the changes that `work` makes.
func onDisk<R: Sendable>(
  watchedBy probe: DiskProbe? = nil, _ work: @escaping @Sendable () throws -> R
) async throws -> R {
  try await withCheckedThrowingContinuation { continuation in
    DiskLanes.shared.run { lane in
      continuation.resume(with: Result { try DiskWatch.watching(lane, probe, work) })
    }
  }
}

/// Runs blocking operations on one file one after the other: the system would let writers of a file wait for each other
/// too, and keep a processor busy with it.
final class FileQueue: Sendable {
  private let queue = DispatchQueue(label: "petrel.disk.file")

  /// - Parameter probe: told of the changes that are made.
  init(watchedBy probe: DiskProbe? = nil) { DiskWatch.watch(queue, probe) }

  func run<R: Sendable>(_ work: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result(catching: work)) }
    }
  }
}

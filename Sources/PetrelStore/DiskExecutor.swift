// SPDX-License-Identifier: Apache-2.0

import Dispatch

/// Runs an actor on a thread of its own, so that what blocks or takes long there holds up no other task.
final class DiskExecutor: SerialExecutor {
  private let queue = DispatchQueue(label: "petrel.disk.serial")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}

private let diskQueue = DispatchQueue(label: "petrel.disk", attributes: .concurrent)

/// Runs blocking file operations off the cooperative thread pool. Not interrupted by cancellation.
func onDisk<R: Sendable>(_ work: @escaping @Sendable () throws -> R) async throws -> R {
  try await run(on: diskQueue, work)
}

/// Runs blocking operations on one file one after the other: the system would let writers of a file wait for each other
/// too, and keep a processor busy with it.
final class FileQueue: Sendable {
  private let queue = DispatchQueue(label: "petrel.disk.file")

  func run<R: Sendable>(_ work: @escaping @Sendable () throws -> R) async throws -> R {
    try await PetrelStore.run(on: queue, work)
  }
}

private func run<R: Sendable>(on queue: DispatchQueue, _ work: @escaping @Sendable () throws -> R) async throws -> R {
  try await withCheckedThrowingContinuation { continuation in
    queue.async { continuation.resume(with: Result(catching: work)) }
  }
}

// SPDX-License-Identifier: Apache-2.0

/// What `work` returns, unless it takes too long: then it is cancelled.
///
/// - Throws: what `work` throws, or `error` when the time is over.
func withDeadline<Result: Sendable>(
  _ limit: Duration, _ work: @escaping @Sendable () async throws -> Result,
  orThrow error: @escaping @Sendable () -> any Error
) async throws -> Result {
  try await withThrowingTaskGroup(of: Result.self) { tasks in
    tasks.addTask(operation: work)
    tasks.addTask {
      try await Task.sleep(for: limit)
      throw error()
    }
    defer { tasks.cancelAll() }
    guard let result = try await tasks.next() else { throw CancellationError() }
    return result
  }
}

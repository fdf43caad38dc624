// SPDX-License-Identifier: Apache-2.0

import Subprocess
import Synchronization
import SystemPackage

/// What to start.
package struct ChildProcessPlan: Sendable {
  package var executable: FilePath
  package var arguments: [String]
  /// The whole environment of the child; nothing is inherited.
  package var environment: [String: String]
  package var workingDirectory: FilePath?
  /// The executable's name as the kernel shows it, when it only starts another program and waits for its end. It tells
  /// of a signal in a shell's manner, by the status 128 and the signal's number. Both are in a session of their own, so
  /// that no terminal is within reach.
  package var wrapper: String?

  package init(
    executable: FilePath, arguments: [String], environment: [String: String], workingDirectory: FilePath? = nil
  ) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.workingDirectory = workingDirectory
  }
}

/// How a child ended, with the last of what it printed.
package struct ExitReport: Sendable, Equatable {
  package enum Cause: Sendable, Equatable {
    case exited(Int32)
    case signaled(Int32)
  }

  package var cause: Cause
  /// At most 64 KiB of the end of standard output and standard error, interleaved as they came.
  package var tail: String
  /// Whether the system says that it ended the process because memory ran out.
  package var wasKilledForMemory: Bool

  package init(cause: Cause, tail: String, wasKilledForMemory: Bool = false) {
    self.cause = cause
    self.tail = tail
    self.wasKilledForMemory = wasKilledForMemory
  }

  /// The last lines of the tail, without blank ones.
  package func lastLines(_ count: Int) -> String {
    tail.split(whereSeparator: \.isNewline).suffix(count).joined(separator: "\n")
  }
}

/// One supervised child in a process group of its own: started, drained, stopped once. It is never restarted.
package final class ChildProcess: Sendable {
  package let pid: Int32
  private let wrapper: String?
  private let running: Task<ExitReport, any Error>
  private let stopRequests: AsyncStream<Duration>.Continuation

  private init(
    pid: Int32, wrapper: String?, running: Task<ExitReport, any Error>,
    stopRequests: AsyncStream<Duration>.Continuation
  ) {
    self.pid = pid
    self.wrapper = wrapper
    self.running = running
    self.stopRequests = stopRequests
  }

  /// Starts the child and returns when it runs.
  ///
  /// - Parameter onOutput: gets standard output and standard error as they come. A slow callback slows the child.
  /// - Throws: when the executable can't be started.
  package static func launch(
    _ plan: ChildProcessPlan, onOutput: @escaping @Sendable (UnsafeRawBufferPointer) -> Void = { _ in }
  ) async throws -> ChildProcess {
    let (stops, stopRequests) = AsyncStream.makeStream(of: Duration.self, bufferingPolicy: .bufferingOldest(1))
    let started = Promise<Int32>()
    // Lives exactly as long as the child; `exit()` awaits it.
    let running = Task {
      do {
        let report = try await run(plan, stops: stops, started: started, onOutput: onOutput)
        return report
      } catch {
        started.fail(error)
        throw error
      }
    }
    let pid = try await started.value()
    return ChildProcess(pid: pid, wrapper: plan.wrapper, running: running, stopRequests: stopRequests)
  }

  /// The process that does the work now: what the wrapper has started, if there is one.
  package var workingPid: Int32 { wrapper.map { WrappedProcess.innermost(of: pid, wrapper: $0) } ?? pid }

  /// Waits for the end of the child.
  package func exit() async -> ExitReport {
    do {
      return try await running.value
    } catch {
      // Only monitoring can fail after the start; the child is gone or out of reach then.
      return ExitReport(cause: .exited(-1), tail: "the process can't be watched: \(error)")
    }
  }

  /// Asks the child to end (SIGTERM to its group), kills the group after `grace`, and waits for the end.
  @discardableResult
  package func stop(grace: Duration) async -> ExitReport {
    stopRequests.yield(grace)
    return await exit()
  }

  private static func run(
    _ plan: ChildProcessPlan, stops: AsyncStream<Duration>, started: Promise<Int32>,
    onOutput: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
  ) async throws -> ExitReport {
    var options = PlatformOptions()
    // Either makes a process group, so that signals reach all that the child starts.
    if plan.wrapper != nil { options.createSession = true } else { options.processGroupID = 0 }
    let environment = plan.environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) }
    let tail = OutputTail()
    let worker = Worker()
    let kills = MemoryKills()
    let pid = Mutex<Int32>(0)
    let result = try await Subprocess.run(
      .path(plan.executable), arguments: Arguments(plan.arguments),
      environment: .custom(Dictionary(uniqueKeysWithValues: environment)), workingDirectory: plan.workingDirectory,
      platformOptions: options, input: .none, output: .sequence, error: .combinedWithOutput
    ) { execution in
      pid.withLock { $0 = execution.processIdentifier.value }
      started.succeed(execution.processIdentifier.value)
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          // Cancelling the task that runs a subprocess would kill it at once; stopping goes through here instead, while
          // its output is still drained.
          for await grace in stops {
            if let name = plan.wrapper {
              // The wrapper would end before its worker, and take it with it.
              worker.find(behind: execution.processIdentifier.value, wrapper: name)?.terminate()
              await ended(execution.processIdentifier.value, within: grace)
              try? execution.send(signal: .kill, toProcessGroup: true)
              continue
            }
            await execution.teardown(using: [
              .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: grace)
            ])
            try? execution.send(signal: .kill, toProcessGroup: true)
          }
        }
        do {
          for try await buffer in execution.standardOutput {
            buffer.withUnsafeBytes { bytes in
              tail.append(bytes)
              onOutput(bytes)
            }
          }
        } catch {
          tail.append("output can't be read: \(error)\n")
        }
        await ended(execution.processIdentifier.value)
        if let worker = worker.identity { await ended(worker.pid) }
        group.cancelAll()
      }
    }
    let cause: ExitReport.Cause =
      switch result.terminationStatus {
      case .exited(let code) where plan.wrapper != nil && (129...192).contains(code): .signaled(Int32(code) - 128)
      case .exited(let code): .exited(Int32(code))
      case .signaled(let signal): .signaled(Int32(signal))
      }
    return ExitReport(
      cause: cause, tail: tail.text,
      wasKilledForMemory: cause == .signaled(9) && MemoryKills().isMore(than: kills, pid: pid.withLock { $0 }))
  }

  /// The end of its output is nearly always the end of a child; one that goes on without must be stoppable all the same.
  private static func ended(_ pid: Int32, within limit: Duration? = nil) async {
    var pause = Duration.milliseconds(1)
    let deadline = limit.map { ContinuousClock.now + $0 }
    while ProcessIdentity(running: pid) != nil, deadline.map({ .now < $0 }) != false, !Task.isCancelled {
      try? await Task.sleep(for: pause)
      pause = min(pause * 2, .milliseconds(200))
    }
  }
}

/// What a wrapper has started, once it has been looked for.
private final class Worker: Sendable {
  private let found = Mutex<ProcessIdentity?>(nil)

  var identity: ProcessIdentity? { found.withLock { $0 } }

  func find(behind pid: Int32, wrapper: String) -> ProcessIdentity? {
    let worker = ProcessIdentity(running: WrappedProcess.innermost(of: pid, wrapper: wrapper))
    found.withLock { $0 = worker }
    return worker
  }
}

/// The last 64 KiB of a child's output.
private final class OutputTail: Sendable {
  private static let capacity = 64 * 1024
  private let bytes = Mutex<[UInt8]>([])

  func append(_ new: UnsafeRawBufferPointer) {
    bytes.withLock { bytes in
      bytes.append(contentsOf: new.suffix(Self.capacity))
      // Trimmed at twice the capacity, so that the cost of moving is paid once for many lines.
      if bytes.count > 2 * Self.capacity { bytes.removeFirst(bytes.count - Self.capacity) }
    }
  }

  func append(_ text: String) { Array(text.utf8).withUnsafeBytes { append($0) } }

  var text: String { bytes.withLock { String(decoding: $0.suffix(Self.capacity), as: UTF8.self) } }
}

/// A value that one task sets once and another awaits.
private final class Promise<Value: Sendable>: Sendable {
  private enum State {
    case empty
    case waiting(CheckedContinuation<Value, any Error>)
    case done(Result<Value, any Error>)
  }
  private let state = Mutex(State.empty)

  func succeed(_ value: Value) { finish(.success(value)) }
  func fail(_ error: any Error) { finish(.failure(error)) }

  private func finish(_ result: Result<Value, any Error>) {
    let waiter = state.withLock { state -> CheckedContinuation<Value, any Error>? in
      switch state {
      case .empty: state = .done(result)
      case .done: break
      case .waiting(let continuation):
        state = .done(result)
        return continuation
      }
      return nil
    }
    waiter?.resume(with: result)
  }

  func value() async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      let result = state.withLock { state -> Result<Value, any Error>? in
        if case .done(let result) = state { return result }
        state = .waiting(continuation)
        return nil
      }
      if let result { continuation.resume(with: result) }
    }
  }
}

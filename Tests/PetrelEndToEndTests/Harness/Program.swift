// SPDX-License-Identifier: Apache-2.0

import Subprocess
import SystemPackage

/// How a program ended and what it printed.
struct Finished: Sendable {
  /// The exit status; of a program that a signal ended, 128 and the signal's number, as in a shell.
  let status: Int32
  let output: String
  let errors: String

  /// The output as JSON.
  var json: JSON { get throws { try JSON(parsing: output) } }
}

/// A program that runs.
struct Running: Sendable {
  let pid: Int32
  /// Its standard output.
  let lines: SubprocessOutputSequence.StringSequence<UTF8>

  func send(_ signal: Signal) { Processes.send(signal, to: pid) }
}

/// Runs other programs. An environment is whole: nothing is inherited.
enum Program {
  private static let outputLimit = 16 * 1024 * 1024

  /// Runs a program to its end. One that takes longer than `limit` is killed.
  static func run(
    _ program: String, _ arguments: [String], environment: [String: String], input: String = "",
    within limit: Duration = .seconds(240)
  ) async throws -> Finished {
    try await withLimit(limit, "\(program) \(arguments.joined(separator: " "))") {
      let result = try await Subprocess.run(
        executable(program), arguments: Arguments(arguments), environment: .custom(keys(environment)),
        input: .string(input), output: .string(limit: outputLimit), error: .string(limit: outputLimit))
      return Finished(
        status: code(result.terminationStatus), output: result.standardOutput, errors: result.standardError)
    }
  }

  /// Calls `body` while a program runs, whose standard error is discarded. The program must end, by itself or by a
  /// signal from `body`; it is killed when `body` throws.
  static func withRunning<Result: Sendable>(
    _ program: String, _ arguments: [String], environment: [String: String], within limit: Duration = .seconds(240),
    _ body: @escaping @Sendable (Running) async throws -> Result
  ) async throws -> Result {
    try await withLimit(limit, "\(program) \(arguments.joined(separator: " "))") {
      try await Subprocess.run(
        executable(program), arguments: Arguments(arguments), environment: .custom(keys(environment)),
        input: .none, output: .sequence, error: .discarded
      ) { execution in
        try await killing(execution.processIdentifier.value) {
          try await body(
            Running(pid: execution.processIdentifier.value, lines: execution.standardOutput.strings()))
        }
      }.closureResult
    }
  }

  /// Calls `body` while a program runs that writes to a log.
  ///
  /// - Parameter stop: called after `body` with the program's ID, to make it end.
  /// - Returns: what `body` returned, and how the program ended.
  static func withService<Result: Sendable>(
    _ program: String, _ arguments: [String], environment: [String: String], log: FilePath,
    stop: @escaping @Sendable (Int32) -> Void, _ body: @Sendable (Int32) async throws -> Result
  ) async throws -> (Result, status: Int32) {
    let file = try FileDescriptor.open(
      log, .writeOnly, options: [.create, .append, .closeOnExec], permissions: .ownerReadWrite)
    let result = try await Subprocess.run(
      executable(program), arguments: Arguments(arguments), environment: .custom(keys(environment)), input: .none,
      output: .fileDescriptor(file, closeAfterSpawningProcess: true), error: .combinedWithOutput
    ) { execution in
      let pid = execution.processIdentifier.value
      return try await killing(pid) {
        let value = try await body(pid)
        stop(pid)
        return value
      }
    }
    return (result.closureResult, code(result.terminationStatus))
  }

  /// Names with a slash are paths, others are looked up in PATH.
  private static func executable(_ program: String) -> Executable {
    program.contains("/") ? .path(FilePath(program)) : .name(program)
  }

  private static func keys(_ environment: [String: String]) -> [Environment.Key: String] {
    Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) })
  }

  private static func code(_ status: TerminationStatus) -> Int32 {
    switch status {
    case .exited(let code): code
    case .signaled(let signal): 128 + signal
    }
  }

  private static func killing<Result>(_ pid: Int32, _ body: () async throws -> Result) async throws -> Result {
    do {
      return try await body()
    } catch {
      Processes.send(.kill, to: pid)
      throw error
    }
  }

  private static func withLimit<Result: Sendable>(
    _ limit: Duration, _ what: String, _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
      group.addTask(operation: body)
      group.addTask {
        try await Task.sleep(for: limit)
        throw TimedOut(what: what, limit: limit)
      }
      defer { group.cancelAll() }
      guard let result = try await group.next() else { throw CancellationError() }
      return result
    }
  }
}

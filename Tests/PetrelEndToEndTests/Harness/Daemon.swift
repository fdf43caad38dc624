// SPDX-License-Identifier: Apache-2.0

import Subprocess
import SystemPackage
import Testing

/// A daemon of the release binary that listens on a free port and on the socket of its scratch folder.
struct Daemon: Sendable {
  static let model = "petrel/demo"
  private static let logName = "daemon.log"

  let scratch: Scratch
  let pid: Int32
  let port: Int

  var url: String { "http://127.0.0.1:\(port)" }
  var log: String { scratch.read(Self.logName) }

  /// Calls `body` while a daemon runs, then stops it by SIGTERM.
  ///
  /// - Parameter status: how the daemon must end, in a shell's manner; 137 when `body` kills it.
  static func with<Result: Sendable>(
    in scratch: Scratch, flags: [String] = [], environment: [String: String] = [:], status expected: Int32 = 0,
    _ body: @Sendable (Daemon) async throws -> Result
  ) async throws -> Result {
    var environment = environment
    // An engine that a test has written leaves its marks in the scratch folder.
    if environment["LLAMA_SERVER_PATH"] != nil, environment["PETREL_SANDBOX"] == nil {
      environment["PETREL_SANDBOX"] = "off"
    }
    let added = environment
    return try await DaemonSlots.shared.withSlot {
      let start = scratch.size(of: logName)
      do {
        let (result, status) = try await Program.withService(
          scratch.setup.petrel, ["serve", "--port", "0"] + flags,
          environment: scratch.environment.merging(added) { $1 }, log: scratch.folder.appending(logName),
          stop: { Processes.send(.terminate, to: $0) }
        ) { pid in
          let port = try await eventually("the daemon says its port") {
            guard Processes.isAlive(pid) else { throw Ended() }
            return portSaid(in: scratch.read(logName).utf8.dropFirst(start))
          }
          return try await body(Daemon(scratch: scratch, pid: pid, port: port))
        }
        #expect(status == expected, "the daemon's end")
        return result
      } catch {
        throw DaemonFailure(error: error, log: scratch.read(logName))
      }
    }
  }

  /// The same in a folder of its own.
  static func with<Result: Sendable>(
    flags: [String] = [], environment: [String: String] = [:], _ body: @Sendable (Daemon) async throws -> Result
  ) async throws -> Result {
    try await Scratch.with { scratch in
      try await with(in: scratch, flags: flags, environment: environment, body)
    }
  }

  /// Puts the demo model into the store.
  func packageDemoModel() async throws {
    let packaged = try await petrel("package", "--gguf", scratch.setup.weights, Self.model)
    try #require(packaged.status == 0, "\(packaged.errors)")
  }

  func petrel(_ arguments: String..., input: String = "") async throws -> Finished {
    try await scratch.run(scratch.setup.petrel, arguments, input: input)
  }

  /// Lines of the log that contain `text`.
  func logLines(_ text: String) -> [Substring] { log.split(separator: "\n").filter { $0.contains(text) } }

  private static func portSaid(in log: some Sequence<UInt8>) -> Int? {
    let mark = "Listening on http://127.0.0.1:"
    let line = String(decoding: Array(log), as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .dropLast().first { $0.hasPrefix(mark) }
    return line.flatMap { Int($0.dropFirst(mark.count)) }
  }

  private struct Ended: Error, CustomStringConvertible {
    var description: String { "the daemon ended at its start" }
  }
}

/// What went wrong while a daemon ran, with the daemon's log.
struct DaemonFailure: Error, CustomStringConvertible {
  let error: any Error
  let log: String
  var description: String { "\(error)\n--- the daemon's log:\n\(log)---" }
}

/// Keeps the tests from running more daemons and engines at a time than the machine can bear.
actor DaemonSlots {
  static let shared = DaemonSlots(count: 3)

  private var free: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  private init(count: Int) { free = count }

  nonisolated func withSlot<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
    await take()
    do {
      let result = try await body()
      await giveBack()
      return result
    } catch {
      await giveBack()
      throw error
    }
  }

  private func take() async {
    if free > 0 {
      free -= 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
  }

  private func giveBack() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelClient
import PetrelDaemon
import PetrelTerminal
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How to start a daemon in the background.
struct DaemonLaunch: Sendable, Equatable {
  var executable: FilePath
  var arguments: [String]
  var environment: [String: String]
  /// Gets standard output and standard error, at its end.
  var log: FilePath
}

/// A process that was started to outlive this one.
protocol BackgroundProcess: Sendable {
  var pid: Int32 { get }
  /// How the process ended, in words; nil while it runs.
  func exitDescription() -> String?
}

/// Starts this machine's daemon and waits until it answers.
struct DaemonLauncher {
  private static let startLimit = Duration.seconds(20)
  /// For a daemon that another command started at the same moment: ours then ends, and the other one answers soon.
  private static let graceAfterExit = Duration.seconds(3)
  private static let pollInterval = Duration.milliseconds(100)
  private static let logLinesShown = 10
  private static let maximumLog: Int64 = 8 * 1_048_576

  let context: CommandContext
  let endpoints: [DaemonEndpoint]
  let isQuiet: Bool
  /// Further arguments of `serve`.
  var arguments: [String] = []

  func start() async throws -> DaemonClient {
    let log = context.petrelHome.appending("logs").appending("daemon.log")
    try createFolder(log.removingLastComponent())
    makeRoom(in: log)
    let logStart = Self.size(of: log)
    let process = try context.launchDaemon(
      DaemonLaunch(
        executable: try ExecutablePath.current(), arguments: ["petrel", "serve"] + arguments,
        environment: daemonEnvironment.merging([TrimmingLogHandler.variable: log.string]) { $1 },
        log: log))

    var deadline = context.clock.uptime() + Self.startLimit
    var exit: String?
    while true {
      let client = await context.firstAnswering(endpoints)
      let hadEnded = exit != nil
      if !hadEnded { exit = process.exitDescription() }
      if let client {
        // If ours has ended, another command's answers.
        if exit == nil, !isQuiet {
          context.errors.notice("Started the petrel daemon (pid \(process.pid)), log: \(log)")
        }
        return client
      }
      if !hadEnded, exit != nil {
        deadline = min(deadline, context.clock.uptime() + Self.graceAfterExit)
      }
      guard context.clock.uptime() < deadline else { break }
      try await context.clock.sleep(Self.pollInterval)
    }
    let tail = Self.tail(of: log, from: logStart)
    let excerpt = tail.isEmpty ? "; its log \(log) has no reason" : "; the end of its log \(log):\n\(tail)"
    let limit = Self.startLimit.components.seconds
    throw CommandError(
      .daemonNotStarted,
      exit.map { "the petrel daemon ended right after its start (\($0))\(excerpt)" }
        ?? "the petrel daemon (pid \(process.pid)) does not answer after \(limit) s\(excerpt)"
    )
  }

  /// This environment, without what made this process a plugin, and with the home spelled out.
  private var daemonEnvironment: [String: String] {
    var environment = context.environment
    environment[Invocation.originalCommandVariable] = nil
    environment[Invocation.socketVariable] = nil
    environment["PETREL_HOME"] = context.petrelHome.string
    return environment
  }

  private func createFolder(_ folder: FilePath) throws {
    do {
      try FileManager.default.createDirectory(
        atPath: folder.string, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw CommandError(
        .fileSystem,
        "cannot create \(folder): \(FileFailure.reason(error)); set PETREL_HOME to a folder you may write to")
    }
  }

  /// Keeps what earlier daemons printed from growing for ever.
  private func makeRoom(in log: FilePath) {
    guard Self.size(of: log) > Self.maximumLog else { return }
    let older = log.string + ".1"
    try? FileManager.default.removeItem(atPath: older)
    try? FileManager.default.moveItem(atPath: log.string, toPath: older)
  }

  private static func size(of file: FilePath) -> Int64 {
    guard let descriptor = try? FileDescriptor.open(file, .readOnly, options: .closeOnExec) else { return 0 }
    defer { try? descriptor.close() }
    return (try? descriptor.seek(offset: 0, from: .end)) ?? 0
  }

  /// The last lines that were written after `offset`.
  private static func tail(of file: FilePath, from offset: Int64) -> String {
    guard let descriptor = try? FileDescriptor.open(file, .readOnly, options: .closeOnExec) else { return "" }
    defer { try? descriptor.close() }
    let end = (try? descriptor.seek(offset: 0, from: .end)) ?? 0
    // A daemon that has begun a new file has written all of that.
    let start = max(end < offset ? 0 : offset, end - 8192)
    guard end > start else { return "" }
    let bytes = try? [UInt8](unsafeUninitializedCapacity: Int(end - start)) { buffer, used in
      used = try descriptor.read(fromAbsoluteOffset: start, into: UnsafeMutableRawBufferPointer(buffer))
    }
    let lines = String(decoding: bytes ?? [], as: UTF8.self).split(separator: "\n")
    return lines.suffix(logLinesShown).joined(separator: "\n")
  }
}

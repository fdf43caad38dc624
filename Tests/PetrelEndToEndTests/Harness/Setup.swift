// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where the parts are that the suites drive. `make test` sets these variables.
struct Setup: Sendable {
  private static let names = [
    "PETREL_TEST_BINARY", "PETREL_TEST_WEIGHTS", "PETREL_TEST_PYTHON", "PETREL_TEST_ENGINE",
    "PETREL_TEST_FRAMEWORKS_PYTHON",
  ]

  /// The release binary.
  let petrel: String
  /// The demo model's GGUF.
  let weights: String
  /// A Python with the `openai` package.
  let python: String
  /// The folder of `llama-server`.
  let engine: String

  /// Whether somebody wants these suites to run: one variable is enough, even an empty one.
  static var isWanted: Bool {
    let environment = ProcessInfo.processInfo.environment
    return names.contains { environment[$0] != nil }
  }

  init() throws {
    petrel = try Self.path(0, "the release binary; `make build` makes it")
    weights = try Self.path(1, "the demo model's GGUF")
    python = try Self.path(2, "a Python with the openai package; `make python` installs it")
    engine = try Self.path(3, "the folder of llama-server; `make engine` installs it")
  }

  /// A Python with LangChain, LlamaIndex and LiteLLM, which do not go together with the packages of ``python``.
  var frameworksPython: String {
    get throws { try Self.path(4, "a Python with the frameworks' packages; `make python` installs it") }
  }

  private static func path(_ index: Int, _ meaning: String) throws -> String {
    let value = ProcessInfo.processInfo.environment[names[index]] ?? ""
    guard value.hasPrefix("/"), FileManager.default.fileExists(atPath: value) else {
      throw SetupError(message: "\(names[index]) is \"\(value)\", but it must be the absolute path of \(meaning)")
    }
    return value
  }
}

struct SetupError: Error, CustomStringConvertible {
  let message: String
  var description: String { message }
}

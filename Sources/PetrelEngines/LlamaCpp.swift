// SPDX-License-Identifier: Apache-2.0

import PetrelProcess
import SystemPackage

/// llama.cpp's `llama-server`: where it is found and how it is started.
package struct LlamaCpp: Sendable {
  package static let name = "llama.cpp"
  /// The `llama-cpp-python` release whose bundled llama.cpp Petrel is tested with.
  package static let pinnedVersion = "0.3.36"
  /// More connections than that wait inside the engine; each keep-alive connection holds one of its threads.
  package static let httpThreads = 128

  private let environment: [String: String]
  let installRoot: FilePath
  let helpDesk = EngineHelpDesk()
  let usesGPU: Bool

  /// - Parameters:
  ///   - home: `PETREL_HOME`.
  ///   - environment: the daemon's; `LLAMA_SERVER_PATH`, `LLAMA_ARGS` and `PATH` are looked at.
  ///   - usesGPU: whether engines may find one.
  package init(home: FilePath, environment: [String: String], usesGPU: Bool = GPUDevices.arePossible) {
    self.usesGPU = usesGPU
    installRoot = home.appending("engines").appending(Self.name)
    self.environment = environment
  }

  /// Where `petrel install-runner` puts a version.
  package func installDirectory(version: String) -> FilePath { installRoot.appending(version) }

  /// Finds `llama-server`: `LLAMA_SERVER_PATH` (the program or its folder), then the installed versions, the one
  /// that was chosen last and the pinned one first, then `PATH`.
  package func locate() throws(EngineError) -> FilePath {
    if let configured = environment["LLAMA_SERVER_PATH"], !configured.isEmpty {
      let path = FilePath(configured)
      let candidates = [path.appending("llama-server"), path.appending("com.docker.llama-server"), path]
      if let found = candidates.first(where: Executable.isRunnable) { return found }
      throw EngineError(
        .notInstalled,
        "LLAMA_SERVER_PATH is \"\(configured)\", but there is no llama-server; correct it, or unset it to use an "
          + "installed one")
    }
    let chosen = selectedVersion.map { [installDirectory(version: $0)] } ?? []
    let installed =
      chosen + [installDirectory(version: Self.pinnedVersion)] + Executable.subdirectories(of: installRoot)
    if let found = installed.map({ $0.appending("bin/llama-server") }).first(where: Executable.isRunnable) {
      return found
    }
    if let found = Executable.find("llama-server", in: environment["PATH"]) { return found }
    throw EngineError(
      .notInstalled,
      "llama.cpp is not installed; run `petrel install-runner`, or set LLAMA_SERVER_PATH to the folder of llama-server")
  }

  /// What the user asked for in `LLAMA_ARGS`, else metrics and nothing more: the engine fits layers to the GPU by itself
  /// unless it is told a number.
  func baseArguments() throws(EngineError) -> [String] {
    guard let text = environment["LLAMA_ARGS"], !text.isEmpty else { return ["--metrics"] }
    return try Self.checkBaseArguments(text)
  }

  /// The words of `LLAMA_ARGS`.
  ///
  /// - Throws: code `launchFailed` for a quote without an end, and for what the daemon decides.
  @discardableResult
  package static func checkBaseArguments(_ text: String) throws(EngineError) -> [String] {
    guard let words = splitArguments(text) else {
      throw EngineError(.launchFailed, "invalid LLAMA_ARGS: a quotation mark is not closed")
    }
    if let reserved = words.lazy.map(flagName).first(where: reservedFlags.contains) {
      throw EngineError(
        .launchFailed,
        "invalid LLAMA_ARGS: LLAMA_ARGS cannot override \(reserved), which is controlled by the model runner")
    }
    return words
  }

  /// What the daemon decides, and what would let requests read files or the engine listen elsewhere, with all names.
  private static let reservedFlags: Set<String> = [
    "-m", "--model", "--host", "--port", "--embedding", "--embeddings", "-mm", "--mmproj", "-mmu", "--mmproj-url",
    "--media-path", "--api-key",
  ]

  /// The name that the engine reads in a word: with dashes for underscores in long ones, as ``FlagTable`` has it.
  static func flagName(_ word: String) -> String {
    let name = String(word.prefix { $0 != "=" })
    return name.hasPrefix("--") ? name.replacing("_", with: "-") : name
  }

  /// The engine sees no token, proxy or path of the user's beyond what it needs to run.
  func childEnvironment() -> [String: String] {
    let kept = ["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "OMP_NUM_THREADS"]
    return environment.filter { name, _ in
      kept.contains(name)
        || ["GGML_", "CUDA_", "HIP_", "HSA_", "ROCR_", "NVIDIA_", "VK_"].contains { name.hasPrefix($0) }
    }
  }

  /// Splits at blanks; single and double quotes keep blanks. `nil` if a quote is not closed.
  static func splitArguments(_ text: String) -> [String]? {
    var words: [String] = []
    var word = ""
    var quote: Character?
    for character in text {
      if character == quote {
        quote = nil
      } else if quote == nil, character == "\"" || character == "'" {
        quote = character
      } else if quote == nil, character == " " {
        if !word.isEmpty { words.append(word) }
        word = ""
      } else {
        word.append(character)
      }
    }
    if !word.isEmpty { words.append(word) }
    return quote == nil ? words : nil
  }
}

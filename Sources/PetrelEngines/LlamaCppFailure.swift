// SPDX-License-Identifier: Apache-2.0

import PetrelProcess

/// Puts into words why a `llama-server` ended.
package enum LlamaCppFailure {
  /// Longer lines are cut.
  private static let maximumLine = 400

  private typealias Reason = (pattern: String, kind: EngineFailure.Kind, sentence: String)

  private static let memory =
    "take a smaller context with `petrel configure --context-size`, free memory with `petrel unload --all`, or take a "
    + "smaller quantization"
  private static let reinstall = "`petrel install-runner --force` builds it anew"
  private static let pullAgain = "pull or package the model again"
  private static let update =
    "take another variant of the model, or a newer engine with `petrel install-runner --llama-server-version`"

  /// What the engine, its libraries and the loader of programs print, and what it means to a person. The first entry
  /// that occurs in the output counts, so causes stand before what follows from them. `%` stands for what is in quotes
  /// after the pattern, or for the rest of the line.
  private static let reasons: [Reason] = [
    // The loader of programs.
    (
      "error while loading shared libraries:", .missingLibrary,
      "a library of the engine is missing or broken, %; \(reinstall)"
    ),
    ("symbol lookup error:", .missingLibrary, "the engine and its libraries do not belong together, %; \(reinstall)"),
    ("Library not loaded:", .missingLibrary, "a library of the engine is missing, %; \(reinstall)"),
    ("bwrap: execvp", .notExecutable, "the engine can't be started in its sandbox, %; \(reinstall)"),
    // Other files than the model's, which fail with the same lines as the model.
    (
      "failed to load draft model", .damagedModel,
      "the draft model can't be used; pull it again, or do without it (`petrel configure --speculative-draft-model`)"
    ),
    (
      "failed to load multimodal model", .damagedModel,
      "the model's projector (mmproj) can't be used; \(pullAgain)"
    ),
    ("failed to load lora adapter", .missingFile, "an adapter (LoRA) can't be used; see the lines below"),
    // Memory.
    (
      "cudaMalloc failed: out of memory", .outOfGPUMemory,
      "not enough GPU memory to load the model (CUDA); \(gpuMemory)"
    ),
    ("CUDA error: out of memory", .outOfGPUMemory, "not enough GPU memory (CUDA); \(gpuMemory)"),
    (
      "hipMalloc failed: out of memory", .outOfGPUMemory, "not enough GPU memory to load the model (ROCm); \(gpuMemory)"
    ),
    ("ErrorOutOfDeviceMemory", .outOfGPUMemory, "not enough GPU memory (Vulkan); \(gpuMemory)"),
    (
      "kIOGPUCommandBufferCallbackErrorOutOfMemory", .outOfGPUMemory, "not enough GPU memory (Metal); \(gpuMemory)"
    ),
    ("failed to allocate CUDA", .outOfGPUMemory, "not enough GPU memory to load the model (CUDA); \(gpuMemory)"),
    ("failed to allocate Vulkan", .outOfGPUMemory, "not enough GPU memory to load the model (Vulkan); \(gpuMemory)"),
    (
      "ggml_metal_buffer_init: error: failed to allocate", .outOfGPUMemory,
      "not enough GPU memory to load the model (Metal); \(gpuMemory)"
    ),
    ("failed to allocate buffer", .outOfMemory, "not enough memory to load the model; \(memory)"),
    ("failed to allocate CPU buffer", .outOfMemory, "not enough memory to load the model; \(memory)"),
    ("failed to allocate compute buffers", .outOfMemory, "not enough memory to load the model; \(memory)"),
    ("unable to allocate", .outOfMemory, "not enough memory to load the model; \(memory)"),
    ("std::bad_alloc", .outOfMemory, "not enough memory to load the model; \(memory)"),
    (
      "Resource temporarily unavailable", .outOfMemory,
      "the engine could not start a thread; see the limits of memory and processes (`ulimit -v`, `ulimit -u`), or \(memory)"
    ),
    ("Cannot allocate memory", .outOfMemory, "not enough memory to load the model; \(memory)"),
    // What this llama.cpp can't do.
    (
      "unknown model architecture:", .unsupportedModel,
      "this llama.cpp does not know the model's architecture, %; \(update)"
    ),
    (
      "unknown pre-tokenizer type:", .unsupportedModel,
      "this llama.cpp does not know the model's tokenizer, %; \(update)"
    ),
    ("unknown tokenizer:", .unsupportedModel, "this llama.cpp does not know the model's tokenizer, %; \(update)"),
    (
      "but this software only supports up to version", .unsupportedModel,
      "the model's GGUF version is newer than this llama.cpp; \(update)"
    ),
    ("has invalid ggml type", .unsupportedModel, "this llama.cpp does not know the model's quantization; \(update)"),
    (
      " REMOVED", .unsupportedModel,
      "llama.cpp has given up the model's quantization; take another variant of the model"
    ),
    (
      "is unsupported quantization", .unsupportedModel,
      "this llama.cpp does not know the model's quantization; \(update)"
    ),
    // Broken files.
    ("invalid magic characters", .damagedModel, "the weights are no GGUF file; \(pullAgain)"),
    ("failed to read magic", .damagedModel, "the weights are empty or cut short; \(pullAgain)"),
    ("data is not within the file bounds", .damagedModel, "the weights are cut short; \(pullAgain)"),
    ("failed to read key-value pairs", .damagedModel, "the weights are damaged or cut short; \(pullAgain)"),
    ("failed to read header", .damagedModel, "the weights are damaged or cut short; \(pullAgain)"),
    ("failed to read tensor", .damagedModel, "the weights are damaged; \(pullAgain)"),
    (
      "check_tensor_dims: tensor", .damagedModel,
      "a tensor of the model is missing or has the wrong shape; \(pullAgain)"
    ),
    ("failed to open GGUF file", .missingFile, "the weights can't be opened; `petrel fsck` checks the store"),
    // Settings.
    (
      "invalid argument:", .invalidArgument,
      "the engine does not know the argument %; correct LLAMA_ARGS, or update it with `petrel install-runner`"
    ),
    (
      "error while handling argument", .invalidArgument,
      "the engine can't use the value given for %; correct it with `petrel configure`, or in LLAMA_ARGS"
    ),
    (
      "V cache requires flash_attn", .conflictingSettings,
      "a quantized V cache needs flash attention; configure `--flash-attn on`, or no `--cache-type-v`"
    ),
    (
      "couldn't bind HTTP server socket", .socket,
      "the engine can't open its socket; see that PETREL_HOME can be written, has room and has a path of at most 80 bytes"
    ),
    ("failed to load model", .loadFailed, "failed to load model; the lines below say more, and `petrel logs` has all"),
    ("error loading model", .loadFailed, "failed to load model; the lines below say more, and `petrel logs` has all"),
    (
      "exiting due to model loading error", .loadFailed,
      "failed to load model; the lines below say more, and `petrel logs` has all"
    ),
  ]
  private static let gpuMemory =
    "put fewer layers there with `petrel configure --gpu-layers`, or take a smaller context or quantization"

  /// A sentence with the cause, then the engine's last lines.
  package static func explain(_ report: ExitReport) -> String { classify(report).text }

  package static func classify(_ report: ExitReport) -> EngineFailure {
    let signal = signal(of: report.cause)
    let ending =
      switch (report.cause, signal) {
      case (_, .some(let signal)): "signal \(signal)" + (signalNames[signal].map { ", \($0)" } ?? "")
      case (.exited(let code), nil): "exit status \(code)"
      case (.signaled(let signal), nil): "signal \(signal)"
      }
    var known = reason(report.tail)
    // What ends by a signal has not said so; only an end for want of memory is announced by the engine itself.
    if let signal, signal == 4 || signal == 9 || (known?.0 != .outOfMemory && known?.0 != .outOfGPUMemory) {
      known = nil
    }
    let (kind, sentence) = known ?? cause(report, signal)
    return EngineFailure(kind, sentence, ending: ending, lines: shown(report))
  }

  private static func shown(_ report: ExitReport) -> String {
    let lines = report.lastLines(12).split(separator: "\n").map { line in
      line.utf8.count > maximumLine ? line.prefix(maximumLine) + "…" : line
    }
    return withoutFolders(lines.joined(separator: "\n"))
  }

  /// Programs between us and the engine, a sandbox or a shell, tell of signals by exit statuses above 128.
  private static func signal(of cause: ExitReport.Cause) -> Int32? {
    switch cause {
    case .signaled(let signal): signal
    case .exited(let code): code > 128 && signalNames[code - 128] != nil ? code - 128 : nil
    }
  }

  private static let signalNames: [Int32: String] = {
    #if canImport(Darwin)
      let bus: Int32 = 10
    #else
      let bus: Int32 = 7
    #endif
    return [4: "SIGILL", 6: "SIGABRT", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 15: "SIGTERM", bus: "SIGBUS"]
  }()

  private static func reason(_ output: String) -> (EngineFailure.Kind, String)? {
    let bytes = Array(output.utf8)
    for reason in reasons {
      guard let end = end(of: Array(reason.pattern.utf8), in: bytes) else { continue }
      let line = String(decoding: bytes[end...].prefix { $0 != 0x0A && $0 != 0x0D }.prefix(maximumLine), as: UTF8.self)
      return (reason.kind, reason.sentence.replacing("%", with: subject(line)))
    }
    return nil
  }

  /// Where `pattern` ends in `bytes`, the first time.
  private static func end(of pattern: [UInt8], in bytes: [UInt8]) -> Int? {
    var start = 0
    while let found = bytes[start...].firstIndex(of: pattern[0]) {
      if bytes[found...].starts(with: pattern) { return found + pattern.count }
      start = found + 1
    }
    return nil
  }

  /// What is in quotes, or all of it.
  private static func subject(_ line: String) -> String {
    for quote in ["'", "\""] as [Character] {
      let parts = line.split(separator: quote, maxSplits: 2, omittingEmptySubsequences: false)
      if parts.count == 3 { return "\"\(parts[1])\"" }
    }
    return withoutFolders(line).split(separator: " ").joined(separator: " ")
  }

  /// When the output says nothing.
  private static func cause(_ report: ExitReport, _ signal: Int32?) -> (EngineFailure.Kind, String) {
    switch (report.cause, signal) {
    case (_, 4):
      (
        .unsupportedCPU,
        "the engine has instructions that this processor does not know: it was built for another one; \(reinstall) here"
      )
    case (_, 9) where report.wasKilledForMemory:
      (.outOfMemory, "the system ended the engine because memory ran out; \(memory)")
    case (_, 9):
      (
        .killed,
        "the engine was killed from outside; if nobody did so, memory ran out, and the system's log says so; \(memory)"
      )
    case (_, .some(let signal)) where signal != 15:
      (
        .crashed,
        "the engine crashed; try again, and if it stays so, take another version with `petrel install-runner "
          + "--llama-server-version` or other settings (`petrel configure show`)"
      )
    case (.exited(126), nil): (.notExecutable, "the engine can't be executed; \(reinstall)")
    case (.exited(127), nil):
      (.missingLibrary, "the engine, or a program or library that it needs, is not there; \(reinstall)")
    case _ where report.tail.isEmpty: (.ended, "the engine ended and did not say why")
    default: (.ended, "the engine ended; its last lines may say why, and `petrel logs` has all of them")
    }
  }

  /// Why a program could not even be started.
  package static func notStarted(_ program: String, _ error: any Error) -> EngineFailure {
    let reason = "\(error)"
    let sentence =
      if reason.contains("Exec format error") || reason.contains("Bad CPU type") || reason.contains("errno: 8") {
        "\(program) is no program for this machine; \(reinstall)"
      } else if reason.contains("Permission denied") || reason.contains("errno: 13") {
        "\(program) must not be executed; make it executable, or \(reinstall)"
      } else {
        "\(program): \(reason)"
      }
    return EngineFailure(.notExecutable, "unable to start llama.cpp: \(sentence)")
  }

  /// Clients on other machines need not learn where files are here: `/a/b/c.gguf` becomes `…/c.gguf`.
  static func withoutFolders(_ text: String) -> String {
    var output = ""
    var path = ""
    func isPath(_ character: Character) -> Bool {
      character.isLetter || character.isNumber || "/._-+@~".contains(character)
    }
    func flush() {
      // Two begin the rest of a URL.
      let isAbsolute = path.hasPrefix("/") && !path.hasPrefix("//") && path.dropFirst().contains("/")
      output += isAbsolute ? "…/" + (path.split(separator: "/").last ?? "") : path
      path = ""
    }
    for character in text {
      if isPath(character) {
        path.append(character)
      } else {
        flush()
        output.append(character)
      }
    }
    flush()
    return output
  }
}

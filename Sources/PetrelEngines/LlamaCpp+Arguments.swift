// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelMemory
import PetrelProcess
import SystemPackage

/// How an engine process is started, and what it was asked for.
package struct LaunchPlan: Sendable {
  package var process: ChildProcessPlan
  /// Tokens for each request; nil when the choice is the engine's.
  package var contextSize: Int?
}

extension LlamaCpp {
  /// The command line for a model. The engine listens on `socket`, whose name must end in `.sock`.
  ///
  /// - Parameters:
  ///   - choice: what memory leaves room for, where the user has not decided.
  ///   - help: what this build of the engine knows; nil takes every flag for known.
  /// - Throws: ``EngineError``, also for settings that were stored by another version and are not allowed any more.
  func launchPlan(
    for model: EngineModel, mode: EngineMode, settings: ModelSettings = ModelSettings(), socket: FilePath,
    choice: MemoryChoice = MemoryChoice(), help: EngineHelp? = nil
  ) throws(EngineError) -> LaunchPlan {
    try SettingsValidation.check(settings, mode: mode, for: .llamaCpp)
    var flags = try RuntimeFlags(parsing: settings.runtimeFlags ?? [], for: .llamaCpp)
    var arguments = try baseArguments()
    let setsBatch =
      ["--batch-size", "--ubatch-size"].contains(where: flags.contains)
      || arguments.map(Self.flagName).contains { ["-b", "--batch-size", "-ub", "--ubatch-size"].contains($0) }
    // Builds differ in whether they can be told not to.
    if flags.take("--no-metrics") != nil { arguments.removeAll { $0 == "--metrics" } }
    arguments += ["--model", model.gguf.string, "--alias", model.name, "--host", socket.string]
    arguments += ["--threads-http", String(Self.httpThreads), "--offline", "--no-ui", "--no-slots"]
    arguments += Self.modeArguments(model, mode)
    if mode == .completion, let budget = settings.reasoningBudget {
      arguments += ["--reasoning-budget", String(budget)]
    }

    let contextSize = Self.contextSize(model, settings, &flags)
    let parallel = flags.take("--parallel").flatMap { Int($0[0]) } ?? settings.parallel ?? choice.slots
    // It would round up by itself, but ends when its batches are to be as small as a context of a few tokens.
    let roundedUp = contextSize.map { $0 == 0 ? 0 : max($0, EngineProperties.contextStep) }
    let requestContext = contextSize == 0 ? model.trainedContextSize : contextSize
    let whole = roundedUp.flatMap { $0 > 0 ? $0 : nil } ?? model.trainedContextSize ?? model.shape?.trainedContext
    // Without a shared cache the engine cuts its context into as many parts as there are slots.
    let total = choice.sharesCache ? nil : Self.product(whole, parallel)
    if let size = total ?? roundedUp { arguments += ["--ctx-size", String(size)] }
    if mode != .completion { arguments += Self.batchArguments(model, contextSize: contextSize, flags) }
    if let workers = settings.rpc {
      guard help?.flags.contains("--rpc") != false else {
        throw EngineError(
          .invalidSettings,
          "this llama.cpp was built without RPC; run `petrel install-runner --force`, or take back the setting with "
            + "`petrel configure --rpc \"\"`")
      }
      arguments += ["--rpc", workers.joined(separator: ",")]
    }
    if let layers = settings.gpuLayers { arguments += ["--n-gpu-layers", String(layers)] }
    if let parallel, parallel > 0 {
      arguments += ["--parallel", String(parallel)]
      if total == nil, !flags.contains("--kv-unified") { arguments += ["--kv-unified"] }
    }
    if let size = choice.promptCache, !flags.contains("--cache-ram") {
      arguments += ["--cache-ram", String(size.bytes >> 20)]
    }
    var seen = childEnvironment()
    if mode == .completion, !usesGPU, !setsBatch {
      seen["LLAMA_ARG_BATCH"] = String(Self.interruptibleBatch)
    }
    let usesJinja = !flags.contains("--no-jinja")
    for ownedByMode in ["--embeddings", "--reranking", "--jinja"] { _ = flags.take(ownedByMode) }
    arguments += try Self.words(flags, help)
    if usesJinja { arguments += ["--jinja"] }
    if let projector = model.projector { arguments += ["--mmproj", projector.string] }
    if mode == .completion, let draft = model.draft {
      arguments += Self.draftArguments(draft, settings.speculative, flags, help)
    }
    return LaunchPlan(
      process: ChildProcessPlan(
        executable: try locate(), arguments: arguments, environment: seen,
        workingDirectory: socket.removingLastComponent()),
      contextSize: requestContext)
  }

  /// What the program knows, when that matters for these settings: asking it takes a moment. Nil when it does not tell.
  func help(for settings: ModelSettings) async -> EngineHelp? {
    guard settings.runtimeFlags?.isEmpty == false || settings.speculative != nil || settings.rpc != nil,
      let program = try? locate()
    else {
      return nil
    }
    return await helpDesk.help(of: program)
  }

  /// - Throws: ``EngineError`` for a flag that this build does not have.
  func checkFlags(_ settings: ModelSettings, help: EngineHelp?) throws(EngineError) {
    var flags = try RuntimeFlags(parsing: settings.runtimeFlags ?? [], for: .llamaCpp)
    for handled in Self.handledFlags { _ = flags.take(handled) }
    _ = try Self.words(flags, help)
  }

  /// Tokens of a prompt after which the engine takes note of requests that were given up, and goes on with the answers to
  /// others. It computes as many at a time in any case; the 2,048 of its own default only keep several GPUs busy.
  private static let interruptibleBatch = 512

  /// Flags that are put into effect in another way than by passing them on.
  private static let handledFlags = [
    "--no-metrics", "--ctx-size", "--parallel", "--embeddings", "--reranking", "--jinja",
  ]

  private static func modeArguments(_ model: EngineModel, _ mode: EngineMode) -> [String] {
    switch mode {
    case .completion: model.chatTemplate.map { ["--chat-template-file", $0.string] } ?? []
    // A chat model says nothing about pooling; without it the engine refuses OpenAI's embeddings form.
    case .embedding: ["--embeddings"] + (model.definesPooling ? [] : ["--pooling", "mean"])
    case .reranking: ["--embeddings", "--reranking"]
    }
  }

  /// An embedding is made of its whole input at once, so that a longer one than the batch is refused. The engine takes
  /// 512 tokens unless it is told otherwise.
  private static func batchArguments(_ model: EngineModel, contextSize: Int?, _ flags: RuntimeFlags) -> [String] {
    guard !flags.contains("--ubatch-size"),
      let context = contextSize.flatMap({ $0 > 0 ? $0 : nil }) ?? model.trainedContextSize
    else { return [] }
    let size = min(context, largestEmbeddingBatch)
    guard size > MemoryDemand.defaultBatch else { return [] }
    let batch = flags.contains("--batch-size") ? [] : ["--batch-size", String(size)]
    return batch + ["--ubatch-size", String(size)]
  }

  /// What the engine is asked for; 0 stands for all that the model was trained with. The engine gives no more than that
  /// to a request, so it is not asked for more: the memory would be lost.
  private static func contextSize(_ model: EngineModel, _ settings: ModelSettings, _ flags: inout RuntimeFlags) -> Int?
  {
    guard let size = wantedContextSize(model, settings, &flags) else { return nil }
    return min(size, model.trainedContextSize ?? size)
  }

  /// Nil unless both are there and more than nothing.
  private static func product(_ size: Int?, _ count: Int?) -> Int? {
    guard let size, let count, size > 0, count > 0 else { return nil }
    let (product, overflows) = size.multipliedReportingOverflow(by: count)
    return overflows || product > Int(Int32.max) ? nil : product
  }

  /// What was set, then what was packaged.
  static func wantedContextSize(
    _ model: EngineModel, _ settings: ModelSettings, _ flags: inout RuntimeFlags
  ) -> Int? {
    // A flag is the stronger of two ways to say the same.
    if let size = flags.take("--ctx-size").flatMap({ Int($0[0]) }) { return size }
    if let size = settings.contextSize { return size }
    guard let packaged = model.contextSize else { return nil }
    return packaged > 0 ? packaged : packaged == -1 ? 0 : nil
  }

  private static func draftArguments(
    _ draft: FilePath, _ settings: ModelSettings.Speculative?, _ flags: RuntimeFlags, _ help: EngineHelp?
  ) -> [String] {
    var arguments = ["--model-draft", draft.string]
    // Newer builds do not draft without being told how.
    if help?.flags.contains("--spec-type") == true, !flags.contains("--spec-type") {
      arguments += ["--spec-type", "draft-simple"]
    }
    if let count = settings?.tokenCount, count > 0 { arguments += ["--spec-draft-n-max", String(count)] }
    if let rate = settings?.minimumAcceptanceRate, rate > 0 {
      let hundredths = Int((rate * 100).rounded())
      let fraction = hundredths % 100
      arguments += ["--spec-draft-p-min", "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"]
    }
    return arguments
  }

  // MARK: Flags in the words of this build

  private static func words(_ flags: RuntimeFlags, _ help: EngineHelp?) throws(EngineError) -> [String] {
    guard let help else { return flags.items.flatMap { [$0.key] + $0.values } }
    var flags = flags
    var words: [String] = []
    if help.flags.contains("--load-mode"), let mode = loadMode(&flags) { words += ["--load-mode", mode] }
    for item in flags.items {
      guard let name = [item.name, item.key].first(where: help.flags.contains) else {
        throw EngineError(
          .invalidSettings,
          "this llama.cpp does not know the runtime flag \(item.key); leave it out, or install another version")
      }
      words += [name] + item.values
    }
    return words
  }

  /// Newer builds have one flag for how weights come into memory in place of five switches.
  private static func loadMode(_ flags: inout RuntimeFlags) -> String? {
    func isOn(_ yes: String, _ no: String) -> Bool? {
      let last = flags.items.last { $0.name == yes || $0.name == no }
      return last.map { $0.name == yes }
    }
    let isLocked = flags.contains("--mlock")
    let isMapped = isOn("--mmap", "--no-mmap")
    let isDirect = isOn("--direct-io", "--no-direct-io")
    for name in ["--mlock", "--mmap", "--no-mmap", "--direct-io", "--no-direct-io"] { _ = flags.take(name) }
    if isDirect == true { return "dio" }
    switch (isLocked, isMapped) {
    case (true, false): return "mlock"
    case (true, _): return "mmap+mlock"
    case (false, true): return "mmap"
    case (false, false): return "none"
    case (false, nil): return nil
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelEngines
import PetrelProcess
import Testing

/// What llama-server (llama-cpp-python 0.3.36) really prints, in `Fixtures`: made with broken weights, too little memory
/// (`ulimit -v`), missing libraries and wrong arguments.
@Suite struct LlamaCppFailureTests {
  private func output(_ name: String) throws -> String {
    let url = try #require(Bundle.module.url(forResource: name, withExtension: "txt", subdirectory: "Fixtures"))
    return try String(contentsOf: url, encoding: .utf8)
  }

  @Test(arguments: [
    ("weights-cut", EngineFailure.Kind.damagedModel, "the weights are cut short; pull or package the model again"),
    ("weights-tiny", .damagedModel, "the weights are damaged or cut short; pull or package"),
    ("weights-garbage", .damagedModel, "the weights are no GGUF file; pull or package"),
    ("weights-empty", .damagedModel, "the weights are empty or cut short; pull or package"),
    ("weights-shape", .damagedModel, "the weights are damaged; pull or package"),
    ("weights-tensor", .damagedModel, "a tensor of the model is missing or has the wrong shape; pull or package"),
    ("weights-missing", .missingFile, "the weights can't be opened; `petrel fsck`"),
    ("architecture", .unsupportedModel, "does not know the model's architecture, \"zzqqq\"; take another variant"),
    ("pre-tokenizer", .unsupportedModel, "does not know the model's tokenizer, \"zzzzz\"; take another variant"),
    ("tokenizer", .unsupportedModel, "does not know the model's tokenizer, \"zzt2\"; take another variant"),
    ("gguf-version", .unsupportedModel, "the model's GGUF version is newer than this llama.cpp; take another variant"),
    ("quantization", .unsupportedModel, "does not know the model's quantization; take another variant"),
    ("quantization-removed", .unsupportedModel, "has given up the model's quantization; take another variant"),
    ("projector", .damagedModel, "the model's projector (mmproj) can't be used; pull or package"),
    ("draft", .damagedModel, "the draft model can't be used; pull it again"),
    ("adapter", .missingFile, "an adapter (LoRA) can't be used"),
    (
      "memory-cache", .outOfMemory, "not enough memory to load the model; take a smaller context with `petrel configure"
    ),
    ("memory-compute", .outOfMemory, "not enough memory to load the model; take a smaller context"),
    ("memory-vocabulary", .outOfMemory, "not enough memory to load the model; take a smaller context"),
    ("flag", .invalidArgument, "does not know the argument --bogus-flag; correct LLAMA_ARGS"),
    ("flag-value", .invalidArgument, "can't use the value given for \"--ctx-size\"; correct it"),
    ("socket", .socket, "can't open its socket; see that PETREL_HOME"),
    ("cache-type", .conflictingSettings, "needs flash attention; configure `--flash-attn on`"),
  ]) func `What the engine prints is put into words`(name: String, kind: EngineFailure.Kind, words: String) throws {
    let failure = LlamaCppFailure.classify(ExitReport(cause: .exited(1), tail: try output(name)))
    #expect(failure.kind == kind)
    #expect(failure.sentence.contains(words))
    #expect(failure.ending == "exit status 1")
    #expect(failure.text.hasPrefix("llama.cpp terminated unexpectedly: \(failure.sentence) (exit status 1)\n\nVerbose"))
    // The cause is in the lines that are shown, and no folder of this machine.
    #expect(!failure.lines.isEmpty && !failure.lines.contains("/srv/"))
  }

  @Test(arguments: [
    (
      "library-missing",
      "missing or broken, libllama-server-impl.so: cannot open shared object file: No such file or directory; `petrel"
    ), ("library-broken", "missing or broken, …/libllama.so.0: file too short; `petrel install-runner --force`"),
    (
      "library-other",
      "do not belong together, …/libllama-server-impl.so: undefined symbol: llama_max_devices; `petrel install-runner"
    ),
  ]) func `What the loader of programs prints is put into words`(name: String, words: String) throws {
    let failure = LlamaCppFailure.classify(ExitReport(cause: .exited(127), tail: try output(name)))
    #expect(failure.kind == .missingLibrary)
    #expect(failure.sentence.contains(words))
  }

  // What no machine here can produce: the words are those of llama.cpp's sources.
  @Test(arguments: [
    ("ggml_backend_cuda_buffer_type_alloc_buffer: cudaMalloc failed: out of memory", "CUDA"),
    ("ggml_vulkan: vk::Device::allocateMemory: ErrorOutOfDeviceMemory", "Vulkan"),
    ("ggml_metal_buffer_init: error: failed to allocate buffer, size = 4096.00 MiB", "Metal"),
  ]) func `Memory of GPUs is told from that of the machine`(line: String, api: String) {
    let failure = LlamaCppFailure.classify(
      ExitReport(cause: .exited(1), tail: "start\n\(line)\nx: failed to allocate buffer for kv cache\n"))
    #expect(failure.kind == .outOfGPUMemory)
    #expect(failure.sentence.contains("GPU memory") && failure.sentence.contains("(\(api))"))
    #expect(failure.sentence.contains("`petrel configure --gpu-layers`"))
  }

  @Test(arguments: [
    (
      ExitReport.Cause.signaled(4), false, EngineFailure.Kind.unsupportedCPU, "built for another one",
      "signal 4, SIGILL"
    ),
    (.signaled(9), true, .outOfMemory, "the system ended the engine because memory ran out", "signal 9, SIGKILL"),
    (.signaled(9), false, .killed, "killed from outside", "signal 9, SIGKILL"),
    (.signaled(11), false, .crashed, "the engine crashed", "signal 11, SIGSEGV"),
    (.signaled(6), false, .crashed, "the engine crashed", "signal 6, SIGABRT"),
    // A sandbox or a shell between us and the engine.
    (.exited(132), false, .unsupportedCPU, "built for another one", "signal 4, SIGILL"),
    (.exited(137), true, .outOfMemory, "memory ran out", "signal 9, SIGKILL"),
    (.exited(139), false, .crashed, "the engine crashed", "signal 11, SIGSEGV"),
    (.exited(126), false, .notExecutable, "can't be executed", "exit status 126"),
    (.exited(127), false, .missingLibrary, "is not there", "exit status 127"),
    (.exited(2), false, .ended, "ended and did not say why", "exit status 2"),
    (.exited(0), false, .ended, "did not say why", "exit status 0"),
    (.signaled(15), false, .ended, "did not say why", "signal 15, SIGTERM"),
  ]) func `An end without words is explained by its status`(
    cause: ExitReport.Cause, wasMemory: Bool, kind: EngineFailure.Kind, words: String, ending: String
  ) {
    let failure = LlamaCppFailure.classify(ExitReport(cause: cause, tail: "", wasKilledForMemory: wasMemory))
    #expect(failure.kind == kind)
    #expect(failure.sentence.contains(words))
    #expect(failure.text == "llama.cpp terminated unexpectedly: \(failure.sentence) (\(ending))")
  }

  @Test func `What ends by a signal is not explained by older lines`() {
    let tail = "error loading model: x\nfailed to load model\nterminate called after throwing 'std::bad_alloc'\n"
    func kind(_ cause: ExitReport.Cause, _ tail: String) -> EngineFailure.Kind {
      LlamaCppFailure.classify(ExitReport(cause: cause, tail: tail)).kind
    }
    #expect(kind(.signaled(9), tail) == .killed)
    #expect(kind(.signaled(6), tail) == .outOfMemory)
    #expect(kind(.signaled(6), "failed to load model\n") == .crashed)
    #expect(kind(.exited(1), "failed to load model\n") == .loadFailed)
  }

  @Test func `Only the last lines are shown`() {
    let tail = (1...100).map { "line \($0)\n" }.joined()
    let text = LlamaCppFailure.explain(ExitReport(cause: .exited(1), tail: tail))
    #expect(text.contains("\nline 89\n") && text.hasSuffix("\nline 100") && !text.contains("line 88\n"))
  }

  @Test func `A last line without end is not shown whole`() {
    let text = LlamaCppFailure.explain(
      ExitReport(cause: .exited(1), tail: String(repeating: "x", count: 65_536) + "\nlast"))
    #expect(text.utf8.count < 8192 && text.hasSuffix("\nlast"))
  }

  @Test func `Folders of this machine are left out`() {
    let report = ExitReport(
      cause: .exited(1), tail: "can't read '/home/me/a b/x.gguf' (/etc/y), or/not a/b /z; see https://x.y/z")
    #expect(
      LlamaCppFailure.classify(report).lines == "can't read '…/a b/x.gguf' (…/y), or/not a/b /z; see https://x.y/z")
  }
}

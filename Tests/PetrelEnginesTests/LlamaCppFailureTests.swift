// SPDX-License-Identifier: Apache-2.0

import PetrelEngines
import PetrelProcess
import Testing

@Suite struct LlamaCppFailureTests {
  @Test(arguments: [
    ("llama_model_load: error: unknown model architecture: 'x'", "does not know the model's architecture"),
    ("gguf_init: invalid magic characters: 'abcd'", "no GGUF file"),
    ("tensor data is not within the file bounds, model is corrupted", "cut short"),
    ("ggml_cuda: cudaMalloc failed: out of memory", "not enough GPU memory"),
    ("ggml: failed to allocate buffer of size 1", "not enough memory"),
    ("error while loading shared libraries: libx.so", "petrel install-runner"),
    ("error: invalid argument: --no-ui", "does not know one of its arguments"),
    ("common_init: failed to load model '/x'", "failed to load model"),
  ]) func `What the engine prints is put into words`(line: String, words: String) {
    let text = LlamaCppFailure.explain(ExitReport(cause: .exited(1), tail: "starting\n\n\(line)\nbye\n"))
    #expect(text.hasPrefix("llama.cpp terminated unexpectedly: "))
    let sentence = text.prefix { $0 != "\n" }
    #expect(sentence.contains(words))
    #expect(sentence.hasSuffix("(exit status 1)"))
    #expect(text.hasSuffix("\n\nVerbose output:\nstarting\n\(line)\nbye"))
  }

  @Test(arguments: [
    (ExitReport.Cause.exited(2), "exit status 2"),
    (.signaled(9), "killed by signal 9, perhaps for want of memory"),
    (.signaled(11), "ended by signal 11"),
  ]) func `An unknown end is told as it was`(cause: ExitReport.Cause, words: String) {
    #expect(
      LlamaCppFailure.explain(ExitReport(cause: cause, tail: "")) == "llama.cpp terminated unexpectedly: \(words)")
  }

  @Test func `Only the last lines are shown`() {
    let tail = (1...100).map { "line \($0)\n" }.joined()
    let text = LlamaCppFailure.explain(ExitReport(cause: .exited(1), tail: tail))
    #expect(text.contains("\nline 89\n") && text.hasSuffix("\nline 100") && !text.contains("line 88\n"))
  }
}

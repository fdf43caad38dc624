// SPDX-License-Identifier: Apache-2.0

import PetrelProcess

/// Puts into words why a `llama-server` ended.
package enum LlamaCppFailure {
  /// What the engine prints, and what it means to a person. The first that occurs in the output counts.
  private static let reasons: [(pattern: String, sentence: String)] = [
    ("unknown model architecture", "this llama.cpp does not know the model's architecture; update the engine"),
    ("invalid magic characters", "the weights are no GGUF file; pull or package the model again"),
    ("data is not within the file bounds", "the weights are cut short; pull or package the model again"),
    ("cudaMalloc failed: out of memory", "not enough GPU memory to load the model (CUDA); take a smaller one"),
    ("failed to allocate buffer", "not enough memory to load the model; take a smaller one or a smaller context size"),
    ("unable to allocate", "not enough memory to load the model; take a smaller one or a smaller context size"),
    ("error while loading shared libraries", "a library of the engine is missing; run `petrel install-runner` again"),
    ("invalid argument:", "the engine does not know one of its arguments; update it with `petrel install-runner`"),
    ("failed to load model", "failed to load model"),
    ("error loading model", "failed to load model"),
  ]

  /// A sentence with the cause, then the engine's last lines.
  package static func explain(_ report: ExitReport) -> String {
    let known = reasons.first { report.tail.contains($0.pattern) }?.sentence
    let ending =
      switch report.cause {
      case .exited(let code): "exit status \(code)"
      case .signaled(9): "killed by signal 9, perhaps for want of memory"
      case .signaled(let signal): "ended by signal \(signal)"
      }
    let lines = report.lastLines(12)
    let detail = lines.isEmpty ? "" : "\n\nVerbose output:\n\(lines)"
    return "llama.cpp terminated unexpectedly: \(known.map { "\($0) (\(ending))" } ?? ending)\(detail)"
  }
}

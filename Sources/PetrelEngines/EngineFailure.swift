// SPDX-License-Identifier: Apache-2.0

/// Why an engine ended, or did not start: what kind of failure, in words, and what the engine said last.
package struct EngineFailure: Sendable, Equatable {
  /// For programs. The texts are part of the API: `reason` of error objects.
  package enum Kind: String, Sendable, CaseIterable {
    case outOfMemory = "out_of_memory"
    case outOfGPUMemory = "out_of_gpu_memory"
    /// By SIGKILL, and not by the daemon.
    case killed
    case unsupportedCPU = "unsupported_cpu"
    case crashed
    case missingLibrary = "missing_library"
    case notExecutable = "not_executable"
    case invalidArgument = "invalid_argument"
    case socket
    case unsupportedModel = "unsupported_model"
    case damagedModel = "damaged_model"
    case missingFile = "missing_file"
    case conflictingSettings = "conflicting_settings"
    /// The model can't be loaded, and nothing says why.
    case loadFailed = "load_failed"
    case timedOut = "timed_out"
    /// None of the above.
    case ended
  }

  package var kind: Kind
  /// Cause and next step.
  package var sentence: String
  /// How the process ended, `exit status 1`; nil when it never ran.
  package var ending: String?
  /// The engine's last lines; empty when it said nothing.
  package var lines: String

  package init(_ kind: Kind, _ sentence: String, ending: String? = nil, lines: String = "") {
    self.kind = kind
    self.sentence = sentence
    self.ending = ending
    self.lines = lines
  }

  /// Whether the engine did not get the memory that it asked for, or was probably killed for having too much.
  var isWantOfMemory: Bool { [.outOfMemory, .outOfGPUMemory, .killed].contains(kind) }

  /// In one line, for listings.
  package var summary: String { sentence + (ending.map { " (\($0))" } ?? "") }

  /// Everything, for people.
  package var text: String {
    "llama.cpp terminated unexpectedly: \(summary)" + (lines.isEmpty ? "" : "\n\nVerbose output:\n\(lines)")
  }
}

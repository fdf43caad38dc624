// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelWire

/// Puts the progress of a transfer into Ollama's lines.
package enum OllamaProgress {
  /// The first line.
  package static func beginning(_ mode: ProgressLine.Mode) -> [UInt8] {
    status(mode == .pull ? "pulling manifest" : "retrieving manifest")
  }

  /// The lines for one of the daemon's own; the last of a stream is a success or an error.
  package static func lines(for line: ProgressLine) -> [UInt8] {
    switch line.type {
    case .error: return OllamaError.body(line.message)
    case .success:
      let steps = line.mode == .pull ? ["verifying sha256 digest", "writing manifest"] : ["pushing manifest"]
      return steps.flatMap(status) + success
    case .progress, .warning: break
    }
    guard let digest = line.layer.id, line.type == .progress else { return status(line.message) }
    let hex = digest.split(separator: ":").last ?? ""
    var members = [
      JSONMember("status", .string("\(line.mode == .pull ? "pulling" : "pushing") \(hex.prefix(12))")),
      JSONMember("digest", .string(digest)), JSONMember("total", .number(String(line.layer.size))),
    ]
    if line.layer.current > 0 { members.append(JSONMember("completed", .number(String(line.layer.current)))) }
    return JSONNode.object(members).bytes + [0x0A]
  }

  package static var success: [UInt8] { status("success") }

  package static func status(_ text: String) -> [UInt8] {
    JSONNode.object([JSONMember("status", .string(text))]).bytes + [0x0A]
  }
}

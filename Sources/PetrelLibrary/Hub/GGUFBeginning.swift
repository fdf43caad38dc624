// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF
import PetrelOCI

/// The beginning of a file that is `size` bytes long. What lies beyond reads as if the file ended.
struct GGUFBeginning: GGUFSource {
  let bytes: [UInt8]
  let size: UInt64

  func read(at offset: UInt64, count: Int) throws(GGUFError) -> [UInt8] {
    guard let start = Int(exactly: offset), start < bytes.count else { return [] }
    return Array(bytes[start..<min(bytes.count, start + count)])
  }
}

extension ModelConfig {
  /// - Parameter headers: of all shards, in order; empty when they cannot be read.
  init(gguf headers: [GGUFHeader]) {
    guard !headers.isEmpty else {
      self.init(format: "gguf")
      return
    }
    let facts = GGUFFacts(headers)
    self.init(
      format: "gguf", quantization: facts.quantization, parameters: facts.parameters,
      architecture: facts.architecture.isEmpty ? nil : facts.architecture, size: facts.size,
      gguf: facts.metadata.isEmpty ? nil : facts.metadata, contextSize: facts.contextSize)
  }
}

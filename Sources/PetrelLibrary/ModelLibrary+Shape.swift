// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF
import PetrelMemory
import SystemPackage

extension ModelLibrary {
  /// What the headers of a model's weights say about the memory that it takes.
  ///
  /// - Parameter gguf: the file, or the first of its shards, with the others beside it.
  /// - Returns: nil when the headers can't be read; the engine will say what is wrong with them.
  package func shape(ofWeights gguf: FilePath) -> ModelShape? {
    guard let name = gguf.lastComponent?.string else { return nil }
    let folder = gguf.removingLastComponent()
    let headers = try? GGUFShards.names(for: name).map {
      try GGUFHeader(reading: try WeightsFile(folder.appending($0)))
    }
    return headers.map { ModelShape($0) }
  }
}

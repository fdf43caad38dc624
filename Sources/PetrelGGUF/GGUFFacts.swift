// SPDX-License-Identifier: Apache-2.0

/// What configs and listings of models tell about GGUF files, by the rules that Docker's packaging tools follow.
package struct GGUFFacts: Sendable {
  /// `llama`, `qwen3`.
  package let architecture: String
  /// `MOSTLY_Q4_K_M`, or `Unknown`.
  package let quantization: String
  /// Elements of all tensors.
  package let parameterCount: UInt64
  /// Bytes of tensor data, of all files.
  package let tensorBytes: UInt64
  /// Tokens that the model was trained for. Nil if it does not say, or is not a language model.
  package let contextSize: Int32?
  /// The metadata as texts, for the config's `gguf` member. What was not kept is left out.
  package let metadata: [String: String]

  /// - Parameter shards: all files of one model, in order.
  package init(_ shards: [GGUFHeader]) {
    let tensors = shards.flatMap(\.tensors)
    // Each shard numbers itself; every other pair belongs to the whole. The last of several equal keys wins.
    let entries = shards.flatMap(\.metadata).filter { shards.count == 1 || $0.key != "split.no" }
    let values = Dictionary(entries.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })

    let architecture = Self.architecture(values, tensors)
    self.architecture = architecture
    quantization = GGUFQuantization.name(fileType: values["general.file_type"]?.unsigned, tensors: tensors)
    contextSize = Self.contextSize(values, tensors, architecture)
    metadata = values.compactMapValues(\.text)
    // Hostile sums stop at the largest number: no honest model comes near it.
    parameterCount = Self.saturatingSum(tensors.map(\.elementCount))
    tensorBytes = Self.saturatingSum(shards.map { $0.fileSize - min($0.fileSize, $0.tensorDataStart) })
  }

  /// `183`, `1.24B`, `7B`.
  package var parameters: String {
    let units: [(UInt64, String)] = [
      (1_000_000_000_000_000, "Q"), (1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1000, "K"),
    ]
    return Self.text(parameterCount, units, smallest: "")
  }

  /// `4.88KiB`, `1MB`: the tensor data's size in the unit, binary or decimal, that comes first in falling order.
  package var size: String {
    let units: [(UInt64, String)] = [
      (1 << 50, "PiB"), (1_000_000_000_000_000, "PB"), (1 << 40, "TiB"), (1_000_000_000_000, "TB"),
      (1 << 30, "GiB"), (1_000_000_000, "GB"), (1 << 20, "MiB"), (1_000_000, "MB"), (1 << 10, "KiB"), (1000, "KB"),
    ]
    return Self.text(tensorBytes, units, smallest: "B")
  }

  private static func text(_ value: UInt64, _ units: [(base: UInt64, name: String)], smallest: String) -> String {
    guard let unit = units.first(where: { $0.base <= value }) else { return String(value) + smallest }
    let number = DecimalText.fixed(Double(value) / Double(unit.base), decimals: 2)
    return (number.hasSuffix(".00") ? String(number.dropLast(3)) : number) + unit.name
  }

  private static func saturatingSum(_ numbers: [UInt64]) -> UInt64 {
    numbers.reduce(0) { sum, number in
      let (result, overflow) = sum.addingReportingOverflow(number)
      return overflow ? .max : result
    }
  }

  private static func architecture(_ values: [String: GGUFValue], _ tensors: [GGUFHeader.Tensor]) -> String {
    let imageModels: Set<String> = ["flux", "sd", "sd2.5", "sd3", "stable-diffusion"]
    if let hint = values["controlvector.model_hint"]?.string { return hint }
    if let name = values["general.architecture"]?.string, !imageModels.contains(name) { return name }
    if values["general.type"]?.string == "imatrix" { return "imatrix" }
    return isDiffusionModel(tensors) ? "diffusion" : "llama"
  }

  private static func isDiffusionModel(_ tensors: [GGUFHeader.Tensor]) -> Bool {
    let prefixes = [
      "model.diffusion_model.", "double_blocks.", "joint_blocks.", "decoder.", "encoder.", "text_model.",
    ]
    return tensors.contains { tensor in prefixes.contains { tensor.name.hasPrefix($0) } }
  }

  private static func contextSize(
    _ values: [String: GGUFValue], _ tensors: [GGUFHeader.Tensor], _ architecture: String
  ) -> Int32? {
    let kind = values["general.type"]?.string
    let isControlVector = architecture == "controlvector" || values["controlvector.model_hint"] != nil
    guard kind != "adapter", kind != "imatrix", architecture != "clip", !isControlVector, !isDiffusionModel(tensors),
      let length = values[architecture + ".context_length"]?.unsigned, length > 0
    else { return nil }
    return Int32(exactly: length)
  }
}

// SPDX-License-Identifier: Apache-2.0

/// How a model's weights are quantised, in llama.cpp's words.
enum GGUFQuantization {
  /// By the number in `general.file_type`. Source: llama.cpp, `enum llama_ftype`, with the numbers that were retired.
  private static let fileTypes = [
    "F32", "F16", "Q4_0", "Q4_1", "Q4_1_SOME_F16", "Q4_2", "Q4_3", "Q8_0", "Q5_0", "Q5_1",
    "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "IQ2_XXS",
    "IQ2_XS", "Q2_K_S", "IQ3_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ3_M", "IQ2_S", "IQ2_M",
    "IQ4_XS", "IQ1_M", "BF16", "Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8", "TQ1_0", "TQ2_0", "MXFP4",
  ]

  /// `MOSTLY_Q4_K_M`; `GGUFFileType(40)` for a number without a name; `Unknown` when there is nothing to go by.
  static func name(fileType: UInt64?, tensors: [GGUFHeader.Tensor]) -> String {
    guard let fileType, fileType != UInt64(fileTypes.count) else {
      return guess(from: tensors).map { "MOSTLY_" + $0 } ?? "Unknown"
    }
    guard fileType < UInt64(fileTypes.count) else { return "GGUFFileType(\(fileType))" }
    return "MOSTLY_" + fileTypes[Int(fileType)]
  }

  /// Guesses from how often each type occurs among the weights. Of types that occur equally often, the one with the
  /// smaller number counts as the more frequent.
  private static func guess(from tensors: [GGUFHeader.Tensor]) -> String? {
    let weights = tensors.filter { isWeight($0.name) }
    let counts = Dictionary(grouping: weights, by: \.type.number).mapValues(\.count)
    let byFrequency = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let types = byFrequency.map { GGUFTensorType.names[Int($0.key)] }
    guard let type = types.first(where: { $0 != "F32" }) ?? types.first else { return nil }

    func count(_ name: String) -> Int { weights.count { $0.type.name == name } }
    switch type {
    case "Q4_K":
      if count("Q6_K") > 1 { return "Q4_K_M" }
      return count("Q3_K") > 1 ? "Q3_K_M" : "Q4_K_S"
    case "Q5_K":
      return count("Q6_K") > 1 ? "Q5_K_M" : "Q5_K_S"
    case "Q3_K":
      if count("Q8_0") > 0 || (count("Q5_K") > 1 && count("Q4_K") == 0) { return "Q3_K_L" }
      return count("Q4_K") > 1 ? "Q3_K_M" : "Q3_K_S"
    case "Q2_K":
      return types.last == "Q5_K" ? "Q2_K_S" : "Q2_K"
    default:
      return fileTypes.contains(type) ? type : nil
    }
  }

  private static func isWeight(_ name: String) -> Bool {
    name.hasPrefix("token_embd") || name.hasPrefix("blk.") || name.contains("_norm") || name.hasSuffix(".weight")
  }
}

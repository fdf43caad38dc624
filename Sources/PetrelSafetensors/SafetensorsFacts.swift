// SPDX-License-Identifier: Apache-2.0

/// What configs of models tell about safetensors files, by the rules that Docker's packaging tools follow; where those
/// look at the first shard alone, all shards are summed up.
package struct SafetensorsFacts: Sendable {
  /// The type that all tensors have, `mixed` or `unknown`.
  package let quantization: String
  package let parameterCount: UInt64
  package let tensorCount: UInt64
  /// Of the first shard that has any.
  package let metadata: [String: String]

  package var architecture: String? { metadata["architecture"] }

  /// - Parameter shards: all files of one model, in order.
  package init(_ shards: [SafetensorsHeader]) {
    let types = shards.reduce(into: Set<String>()) { $0.formUnion($1.types) }
    quantization = types.count == 1 ? types.first ?? "unknown" : types.isEmpty ? "unknown" : "mixed"
    parameterCount = shards.reduce(0) { sum, shard in
      let (total, overflow) = sum.addingReportingOverflow(shard.parameterCount)
      return overflow ? .max : total
    }
    tensorCount = shards.reduce(0) { $0 + $1.tensorCount }
    metadata = shards.first { !$0.metadata.isEmpty }?.metadata ?? [:]
  }
}

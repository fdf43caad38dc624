// SPDX-License-Identifier: Apache-2.0

/// What an engine will take for a model, term by term. docs/scheduling.md compares it with what engines have taken.
package struct MemoryEstimate: Sendable, Hashable {
  package enum Kind: String, Sendable, CaseIterable {
    case weights
    case cache = "kv-cache"
    case state = "recurrent-state"
    case compute = "compute-buffers"
    case output = "output-buffers"
    case projector
    case draft = "draft-model"
    case engine
  }

  package struct Term: Sendable, Hashable {
    package let kind: Kind
    package let size: ByteCount
    /// How the size comes about.
    package let detail: String
  }

  package private(set) var terms: [Term] = []

  package var total: ByteCount { terms.map(\.size).total }

  package subscript(kind: Kind) -> ByteCount { terms.filter { $0.kind == kind }.map(\.size).total }

  /// - Parameters:
  ///   - draft: the model that drafts for this one, which has as much context.
  ///   - projector: bytes of the file that reads images.
  package init(_ shape: ModelShape, _ demand: MemoryDemand, draft: ModelShape? = nil, projector: ByteCount? = nil) {
    let calculation = Calculation(shape: shape, demand: demand)
    add(.weights, shape.weights, "tensors of the model's files")
    add(.cache, calculation.cache, calculation.cacheDetail)
    add(.state, calculation.state, "\(demand.slots) sequences")
    add(.compute, calculation.compute, "batches of \(demand.batch) tokens")
    add(.output, calculation.output, "vocabulary of \(shape.vocabulary) tokens")
    if let projector { add(.projector, calculation.projector(projector), "its file, and half as much to compute") }
    if let draft {
      let own = Calculation(shape: draft, demand: demand)
      add(.draft, [draft.weights, own.cache, own.state, own.compute, own.output].total, "weights, cache and buffers")
    }
    add(.engine, calculation.engine, "program, libraries and tables of tokens")
  }

  private mutating func add(_ kind: Kind, _ size: ByteCount, _ detail: String) {
    if size > .zero { terms.append(Term(kind: kind, size: size, detail: detail)) }
  }
}

/// In floating point: exact for every size that is real, and without overflow for those that are not.
private struct Calculation {
  let shape: ModelShape
  let demand: MemoryDemand

  /// llama.cpp rounds caches up to this.
  private static let step = 256.0
  private static let floatSize = 4.0
  /// Measured with llama.cpp b1-0c1e570 on Linux: what is left when all else is taken away.
  private static let program = 24.0 * 1_048_576
  private static let token = 200.0

  private var contextCells: Double { Self.rounded(Double(demand.contextSize)) }

  private static func rounded(_ cells: Double) -> Double { (cells / step).rounded(.up) * step }

  /// Caches in each layer: one, or one for each slot.
  private var caches: Double { demand.sharesCache ? 1 : Double(demand.slots) }

  /// Of one of a layer's caches.
  private func cells(_ layer: ModelShape.Layer) -> Double {
    guard let window = layer.window, !demand.keepsWindowsWhole else { return contextCells }
    let windows = demand.sharesCache ? Double(demand.slots) : 1
    return min(contextCells, Self.rounded(Double(window) * windows + Double(demand.batch)))
  }

  var cache: ByteCount {
    guard shape.isCausal else { return .zero }
    return ByteCount(
      shape.layers.reduce(0) { sum, layer in
        let token =
          Double(layer.keys) * demand.keyType.elementSize + Double(layer.values) * demand.valueType.elementSize
        return sum + caches * cells(layer) * token
      })
  }

  var cacheDetail: String {
    let cached = shape.layers.filter { $0.keys > 0 }
    let windows = cached.filter { $0.window != nil }.count
    let types =
      demand.keyType == demand.valueType
      ? demand.keyType.rawValue : "\(demand.keyType.rawValue)/\(demand.valueType.rawValue)"
    let tokens = demand.sharesCache ? "\(demand.contextSize)" : "\(demand.slots) × \(demand.contextSize)"
    return "\(tokens) tokens, \(cached.count) layers" + (windows > 0 ? ", \(windows) of them windows" : "")
      + ", \(types)"
  }

  var state: ByteCount { ByteCount(shape.layers.reduce(0) { $0 + Double($1.state) } * Double(demand.slots)) }

  var compute: ByteCount {
    let batch = Double(demand.batch)
    var elements = 4 * Double(shape.width) + Double(shape.activations)
    var masks = 0.0
    if shape.isCausal {
      let sizes = Set(shape.layers.filter { $0.keys > 0 }.map(cells))
      masks = sizes.reduce(0, +) * 2
      // Without flash attention all scores of a layer exist at once.
      if !demand.usesFlashAttention { elements += (sizes.max() ?? 0) * Double(shape.heads) }
    }
    return ByteCount(batch * (elements * Self.floatSize + masks))
  }

  var output: ByteCount {
    let rows = Double(demand.embeds ? demand.batch : demand.slots)
    return ByteCount(rows * Double(shape.vocabulary + (demand.embeds ? shape.width : 0)) * Self.floatSize)
  }

  func projector(_ file: ByteCount) -> ByteCount { ByteCount(Double(file.bytes) * 1.5) }

  var engine: ByteCount { ByteCount(Self.program + Self.token * Double(shape.vocabulary)) }
}

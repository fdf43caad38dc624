// SPDX-License-Identifier: Apache-2.0

/// What decides how much memory an engine takes for a model.
package struct ModelShape: Sendable, Hashable {
  package struct Layer: Sendable, Hashable {
    /// Elements that the cache holds of each token: keys of all cached heads.
    package var keys = 0
    package var values = 0
    /// Tokens that the layer looks back on; nil for all.
    package var window: Int?
    /// Bytes of the state that a recurrent layer keeps for each sequence.
    package var state = 0

    package init(keys: Int = 0, values: Int = 0, window: Int? = nil, state: Int = 0) {
      self.keys = keys
      self.values = values
      self.window = window
      self.state = state
    }
  }

  /// Bytes of all tensors.
  package var weights: ByteCount
  package var layers: [Layer]
  /// Elements of a token's embedding.
  package var width: Int
  /// Elements of a token's widest activations between layers, in all: what the feed-forward network, or the recurrent
  /// part, needs at once.
  package var activations: Int
  /// Attention heads of the layer that has most.
  package var heads: Int
  package var vocabulary: Int
  /// Tokens that the model was trained with; nil when it does not say.
  package var trainedContext: Int?
  /// False for models that look at the whole text at once, as those for embeddings do: they keep no cache.
  package var isCausal: Bool

  package init(
    weights: ByteCount, layers: [Layer], width: Int, activations: Int, heads: Int, vocabulary: Int,
    trainedContext: Int? = nil, isCausal: Bool = true
  ) {
    self.weights = weights
    self.layers = layers
    self.width = width
    self.activations = activations
    self.heads = heads
    self.vocabulary = vocabulary
    self.trainedContext = trainedContext
    self.isCausal = isCausal
  }
}

// SPDX-License-Identifier: Apache-2.0

/// Which layers look back on a window of tokens only.
struct SlidingWindows {
  /// Of so many layers the last one sees everything, for architectures whose files do not say. Source: llama.cpp's
  /// loading of their hyperparameters.
  private static let periods = [
    "gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "olmo2": 4, "exaone4": 4,
  ]

  private let window: Int?
  private let isWindowed: (Int) -> Bool

  /// Without a known pattern all layers are taken to see everything: too much memory rather than too little.
  init(_ metadata: GGUFMetadata, layerCount: Int) {
    window = metadata.number("attention.sliding_window").flatMap { $0 > 0 ? $0 : nil }
    if let pattern = metadata.bools("attention.sliding_window_pattern"), pattern.count >= layerCount {
      isWindowed = { pattern.indices.contains($0) && pattern[$0] }
    } else if let period = metadata.number("attention.sliding_window_pattern") ?? Self.periods[metadata.architecture],
      period > 1
    {
      isWindowed = { $0 % period < period - 1 }
    } else {
      isWindowed = { _ in false }
    }
  }

  func window(ofLayer index: Int) -> Int? { isWindowed(index) ? window : nil }
}

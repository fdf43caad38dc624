// SPDX-License-Identifier: Apache-2.0

import PetrelMemory

extension FitAssessment {
  /// The verdict in a sentence, with numbers.
  package var message: String {
    let need = estimate.map { "about \($0.total.text)" } ?? "an unknown amount of memory"
    let usable = free?.usable.text ?? "unknown"
    switch verdict {
    case .loaded:
      return measured.map { "The model is loaded and takes \($0.text)." } ?? "The model is loaded."
    case .loading: return "The model is being loaded, and \(need) are set aside for it."
    case .fits: return "The model needs \(need), and \(usable) are free for it: it fits."
    case .fitsAfterEviction:
      return "The model needs \(need), and \(usable) are free for it: it fits when idle models are unloaded, which "
        + "gives back \(evictable.text)."
    case .waits:
      return "The model needs \(need), and \(usable) are free for it, \(evictable.text) more after unloading idle "
        + "models: it has to wait until busy models are idle." + advice
    case .tooLarge:
      return "The model needs \(need), and \(usable) are free for it, \(evictable.text) more after unloading idle "
        + "models: it does not fit." + advice
    case .unknown: return "Whether the model fits can't be told: its files, or the system, do not say enough."
    }
  }

  /// The mildest change that helps, and one more that keeps the cache as it is.
  private var advice: String {
    guard !options.isEmpty else {
      return " No smaller context makes it fit; unload other models or take a smaller one."
    }
    let ways = options.prefix(2).map { "`\($0.flags.joined(separator: " "))` (\($0.total.text))" }
    return " It would fit with \(ways.joined(separator: ", or with "))."
  }
}

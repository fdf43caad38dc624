// SPDX-License-Identifier: Apache-2.0

/// Answer of `GET /engines/fit?model=…`: the memory that a model needs, and whether it is there. All sizes are bytes.
package struct FitReport: Codable, Sendable, Hashable {
  package struct Term: Codable, Sendable, Hashable {
    package var name: String
    package var bytes: Int64
    package var detail: String

    package init(name: String, bytes: Int64, detail: String) {
      self.name = name
      self.bytes = bytes
      self.detail = detail
    }
  }

  package struct Estimate: Codable, Sendable, Hashable {
    package var total: Int64
    package var terms: [Term]

    package init(total: Int64, terms: [Term]) {
      self.total = total
      self.terms = terms
    }
  }

  package struct Free: Codable, Sendable, Hashable {
    /// What one more engine may take.
    package var usable: Int64
    /// What the system could give without swapping.
    package var available: Int64
    /// What stays free for everything else.
    package var reserve: Int64
    /// What loaded engines have, and what of it is pages of files, which the system counts as available.
    package var held: Int64
    package var heldFiles: Int64
    /// What engines that are being loaded will take.
    package var loading: Int64
    /// What would come back if engines that are idle were ended.
    package var evictable: Int64
    /// `memory-limit`, when it is set.
    package var limit: Int64?

    package init(
      usable: Int64, available: Int64, reserve: Int64, held: Int64, heldFiles: Int64, loading: Int64, evictable: Int64,
      limit: Int64?
    ) {
      self.usable = usable
      self.available = available
      self.reserve = reserve
      self.held = held
      self.heldFiles = heldFiles
      self.loading = loading
      self.evictable = evictable
      self.limit = limit
    }

    enum CodingKeys: String, CodingKey {
      case usable, available, reserve, held, loading, evictable, limit
      case heldFiles = "held_files"
    }
  }

  /// A change of settings with which the model fits.
  package struct Option: Codable, Sendable, Hashable {
    package var contextSize: Int
    package var slots: Int
    package var cacheType: String
    package var total: Int64
    /// What to give to `petrel configure` for it.
    package var flags: [String]

    package init(contextSize: Int, slots: Int, cacheType: String, total: Int64, flags: [String]) {
      self.contextSize = contextSize
      self.slots = slots
      self.cacheType = cacheType
      self.total = total
      self.flags = flags
    }

    enum CodingKeys: String, CodingKey {
      case slots, total, flags
      case contextSize = "context_size"
      case cacheType = "cache_type"
    }
  }

  package var model: String
  package var backend: String
  package var mode: String
  /// Whether a request would be served now, if need be after idle engines have been ended.
  package var fits: Bool
  /// `loaded`, `fits`, `fits-after-eviction`, `fits-when-others-end`, `too-large` or `unknown`.
  package var verdict: String
  /// The verdict in a sentence, with numbers.
  package var message: String
  /// Tokens.
  package var contextSize: Int
  /// The context that was set or packaged, when the model was trained with less: the engine gives no more than that.
  package var requestedContextSize: Int?
  package var slots: Int
  package var cacheTypeK: String
  package var cacheTypeV: String
  package var estimate: Estimate?
  /// What the model's engine takes now, when it is loaded.
  package var measured: Int64?
  package var free: Free?
  package var wouldFit: [Option]

  package init(
    model: String, backend: String, mode: String, fits: Bool, verdict: String, message: String, contextSize: Int,
    requestedContextSize: Int?, slots: Int, cacheTypeK: String, cacheTypeV: String, estimate: Estimate?,
    measured: Int64?, free: Free?, wouldFit: [Option]
  ) {
    self.model = model
    self.backend = backend
    self.mode = mode
    self.fits = fits
    self.verdict = verdict
    self.message = message
    self.contextSize = contextSize
    self.requestedContextSize = requestedContextSize
    self.slots = slots
    self.cacheTypeK = cacheTypeK
    self.cacheTypeV = cacheTypeV
    self.estimate = estimate
    self.measured = measured
    self.free = free
    self.wouldFit = wouldFit
  }

  enum CodingKeys: String, CodingKey {
    case model, backend, mode, fits, verdict, message, slots, estimate, measured, free
    case contextSize = "context_size"
    case requestedContextSize = "requested_context_size"
    case cacheTypeK = "cache_type_k"
    case cacheTypeV = "cache_type_v"
    case wouldFit = "would_fit"
  }
}

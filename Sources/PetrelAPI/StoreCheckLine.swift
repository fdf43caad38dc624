// SPDX-License-Identifier: Apache-2.0

/// Body of `POST /models/fsck`; may be left out.
package struct StoreCheckRequest: Codable, Sendable, Hashable {
  /// Only these; all models, and what belongs to none, when there are none.
  package var models: [String]?
  /// Bring what is broken again.
  package var repair: Bool?
  /// Remove models that can't be repaired.
  package var removeBroken: Bool?

  package init(models: [String]? = nil, repair: Bool? = nil, removeBroken: Bool? = nil) {
    self.models = models
    self.repair = repair
    self.removeBroken = removeBroken
  }

  enum CodingKeys: String, CodingKey {
    case models, repair
    case removeBroken = "remove_broken"
  }
}

/// Something in the store that is not as it should be.
package struct StoreProblem: Codable, Sendable, Hashable {
  /// What it is: `damaged-blob`, `orphan-blob` and so on.
  package var kind: String
  /// False for files that no model needs.
  package var isDamage: Bool
  package var path: String
  /// Names of the models that suffer; IDs of those without a tag.
  package var models: [String]
  /// Bytes on the disk.
  package var size: Int64
  /// A sentence for people.
  package var message: String

  package init(kind: String, isDamage: Bool, path: String, models: [String], size: Int64, message: String) {
    self.kind = kind
    self.isDamage = isDamage
    self.path = path
    self.models = models
    self.size = size
    self.message = message
  }

  enum CodingKeys: String, CodingKey {
    case kind
    case isDamage = "damage"
    case path, models, size, message
  }
}

/// One line of the stream of `POST /models/fsck`. The last line is a summary or an error.
package struct StoreCheckLine: Codable, Sendable, Hashable {
  package enum Kind: String, Codable, Sendable {
    case progress, problem, repaired, unrepaired, summary, error
  }

  package var type: Kind
  /// For people.
  package var message: String?
  /// Bytes read so far, and in all; on lines of progress.
  package var checked: Int64?
  package var total: Int64?
  /// On lines of a problem and of its repair.
  package var problem: StoreProblem?
  package var summary: StoreCheckSummary?

  package init(
    _ type: Kind, message: String? = nil, checked: Int64? = nil, total: Int64? = nil, problem: StoreProblem? = nil,
    summary: StoreCheckSummary? = nil
  ) {
    self.type = type
    self.message = message
    self.checked = checked
    self.total = total
    self.problem = problem
    self.summary = summary
  }
}

package struct StoreCheckSummary: Codable, Sendable, Hashable {
  package var models = 0
  /// Files whose bytes were compared with their digests.
  package var files = 0
  /// Bytes of these.
  package var bytes: Int64 = 0
  /// Problems that are damage.
  package var damaged = 0
  /// Of these, how many are no more.
  package var repaired = 0
  /// Bytes that no model needs; `prune` frees them.
  package var reclaimable: Int64 = 0

  package init() {}
}

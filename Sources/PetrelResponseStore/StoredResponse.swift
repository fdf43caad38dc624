// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// A response as it is kept: what is needed to give it back, and to go on from it.
package struct StoredResponse: Sendable, Equatable {
  package var id: String
  /// The response that this one goes on from.
  package var previousID: String?
  /// Whose it is; nil for everybody's.
  package var owner: String?
  /// The request's own items.
  package var input: [JSONNode]
  /// The response object.
  package var body: JSONNode

  package init(id: String, previousID: String?, owner: String? = nil, input: [JSONNode], body: JSONNode) {
    self.id = id
    self.previousID = previousID
    self.owner = owner
    self.input = input
    self.body = body
  }
}

extension StoredResponse {
  /// Whether somebody may see it. Whoever needs no key is the owner of the machine.
  ///
  /// - Parameter reader: whose request it is; nil for one that needs no key.
  package static func isOpen(_ owner: String?, to reader: String?) -> Bool {
    owner == nil || reader == nil || owner == reader
  }
}

/// How much is kept.
package struct ResponseLimits: Sendable, Equatable {
  /// Responses; of more, the conversations go that were not used for the longest time.
  package var count: Int
  /// Conversations that were not used for so long go.
  package var age: Duration
  /// Of the database; more conversations go as of ``count``.
  package var bytes: Int64

  package init(
    count: Int = 10_000, age: Duration = .seconds(30 * 24 * 3600), bytes: Int64 = 512 * 1024 * 1024
  ) {
    self.bytes = bytes
    self.count = count
    self.age = age
  }
}

/// Responses can't be read or written.
package struct ResponseStoreError: Error, Sendable {
  package enum Code: Sendable, Equatable {
    /// The response, or one that it goes on from, is not there.
    case notFound
    /// The conversation by itself is more than may be kept.
    case tooLarge
    case unusable
  }

  package let code: Code
  package let message: String
}

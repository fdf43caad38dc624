// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// A response as it is kept: what is needed to give it back, and to go on from it.
package struct StoredResponse: Sendable, Equatable {
  package var id: String
  /// The response that this one goes on from.
  package var previousID: String?
  /// The request's own items.
  package var input: [JSONNode]
  /// The response object.
  package var body: JSONNode

  package init(id: String, previousID: String?, input: [JSONNode], body: JSONNode) {
    self.id = id
    self.previousID = previousID
    self.input = input
    self.body = body
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
    case unusable
  }

  package let code: Code
  package let message: String
}

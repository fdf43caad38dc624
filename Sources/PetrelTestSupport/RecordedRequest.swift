// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1

/// A request that a ``FakeRegistry`` has received.
package struct RecordedRequest: Sendable {
  package let method: String
  /// Without the query.
  package let path: String
  package let query: String
  package let headers: HTTPHeaders
  /// The whole body as text, for requests that are forms; else empty.
  package let form: String

  package var range: String? { headers.first(name: "Range") }
  package var authorization: String? { headers.first(name: "Authorization") }
}

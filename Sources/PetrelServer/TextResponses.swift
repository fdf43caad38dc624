// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelHTTP
import PetrelWire

/// An error of the management API: plain text with one newline at its end.
struct TextError: Error, Sendable {
  let status: HTTPResponseStatus
  let message: String

  init(_ status: HTTPResponseStatus, _ message: String) {
    self.status = status
    self.message = message
  }

  var response: SimpleResponse {
    SimpleResponse(
      status: status, contentType: "text/plain; charset=utf-8", text: message + "\n",
      headers: ["X-Content-Type-Options": "nosniff"])
  }
}

extension SimpleResponse {
  /// Compact JSON with a newline at its end, members in the order of declaration.
  static func json(_ value: some Encodable, status: HTTPResponseStatus = .ok) throws -> SimpleResponse {
    SimpleResponse(
      status: status, contentType: "application/json", text: try CanonicalJSONEncoder().encode(value) + "\n")
  }
}

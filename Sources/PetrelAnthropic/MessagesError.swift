// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// A request to the Messages API that can't be served as it is: status 400. The message begins with the place in the
/// request.
package struct MessagesError: Error, Sendable, Equatable {
  package let message: String

  init(_ place: String, _ reason: String) { message = "\(place): \(reason)" }
}

/// Errors in Anthropic's form. Source: Anthropic API documentation, "Errors".
package enum MessagesErrorBody {
  /// `{"type":"error","error":{"type","message"}}`.
  package static func node(status: Int, message: String) -> JSONNode {
    ["type": "error", "error": ["type": .string(type(of: status)), "message": .string(message)]]
  }

  /// The event that ends a stream which fails.
  package static func appendEvent(status: Int, message: String, to output: inout [UInt8]) {
    ServerSentEvent.append(node(status: status, message: message), named: "error", to: &output)
  }

  private static func type(of status: Int) -> String {
    switch status {
    case 401: "authentication_error"
    case 403: "permission_error"
    case 404: "not_found_error"
    case 413: "request_too_large"
    case 429: "rate_limit_error"
    case 400..<500: "invalid_request_error"
    case 503, 529: "overloaded_error"
    case 504: "timeout_error"
    default: "api_error"
    }
  }
}

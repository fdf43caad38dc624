// SPDX-License-Identifier: Apache-2.0

/// A request to the Responses API that can't be served as it is: status 400.
package struct ResponsesError: Error, Sendable, Equatable {
  /// Tells what would be right.
  package let message: String
  /// The field: `input[0].content`.
  package let param: String

  init(_ param: String, _ reason: String) {
    self.param = param
    message = "\(param) \(reason)"
  }
}

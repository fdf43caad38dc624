// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelEngines
import PetrelHTTP
import PetrelWire

/// An error in OpenAI's form: `{"error":{"message","type","param","code"}}`.
struct OpenAIError: Error, Sendable {
  var status: HTTPResponseStatus
  var message: String
  var code: String?
  var param: String?
  var retryAfterSeconds: Int?
  /// More members of the error object, beyond OpenAI's.
  var details: [JSONMember]

  /// - Parameter reason: why an engine failed.
  init(
    _ status: HTTPResponseStatus, _ message: String, code: String? = nil, param: String? = nil,
    reason: EngineFailure.Kind? = nil, retryAfterSeconds: Int? = nil
  ) {
    self.status = status
    self.message = message
    self.code = code
    self.param = param
    self.retryAfterSeconds = retryAfterSeconds
    details = reason.map { [JSONMember("reason", .string($0.rawValue))] } ?? []
  }

  private var type: String {
    switch status.code {
    case 401: "authentication_error"
    case 403: "permission_error"
    case 404: "not_found_error"
    case 429: "rate_limit_error"
    case 400..<500: "invalid_request_error"
    case 503: "unavailable_error"
    default: "server_error"
    }
  }

  var json: String {
    func optional(_ text: String?) -> JSONNode { text.map(JSONNode.string) ?? .null }
    return JSONNode.object([
      JSONMember(
        "error",
        .object(
          [
            JSONMember("message", .string(message)), JSONMember("type", .string(type)),
            JSONMember("param", optional(param)), JSONMember("code", optional(code)),
          ] + details))
    ]).serialized()
  }

  var response: SimpleResponse {
    var headers: HTTPHeaders = [:]
    if let retryAfterSeconds { headers.add(name: "Retry-After", value: String(retryAfterSeconds)) }
    return SimpleResponse(status: status, contentType: "application/json", text: json + "\n", headers: headers)
  }
}

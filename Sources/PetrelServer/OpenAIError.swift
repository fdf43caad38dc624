// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelEngines
import PetrelHTTP
import PetrelWire

/// An error in OpenAI's form: `{"error":{"message","type","param","code"}}`.
@dynamicMemberLookup
struct OpenAIError: Error, Sendable {
  struct Fields: Sendable {
    var status: HTTPResponseStatus
    var message: String
    var code: String?
    var param: String?
    var retryAfterSeconds: Int?
    /// More members of the error object, beyond OpenAI's.
    var details: [JSONMember]
  }

  /// One word, which is thrown in a register: code that Swift 6.3.1 optimises loses larger typed errors on their way
  /// out of protocols' witnesses.
  private indirect enum Box: Sendable { case fields(Fields) }
  private var box: Box

  /// - Parameter reason: why an engine failed.
  init(
    _ status: HTTPResponseStatus, _ message: String, code: String? = nil, param: String? = nil,
    reason: EngineFailure.Kind? = nil, retryAfterSeconds: Int? = nil
  ) {
    let details = reason.map { [JSONMember("reason", .string($0.rawValue))] } ?? []
    box = .fields(
      Fields(
        status: status, message: message, code: code, param: param, retryAfterSeconds: retryAfterSeconds,
        details: details))
  }

  private var fields: Fields {
    get {
      switch box {
      case .fields(let fields): fields
      }
    }
    set { box = .fields(newValue) }
  }

  subscript<Value>(dynamicMember member: WritableKeyPath<Fields, Value>) -> Value {
    get { fields[keyPath: member] }
    set { fields[keyPath: member] = newValue }
  }

  private var type: String {
    switch fields.status.code {
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
            JSONMember("message", .string(fields.message)), JSONMember("type", .string(type)),
            JSONMember("param", optional(fields.param)), JSONMember("code", optional(fields.code)),
          ] + fields.details))
    ]).serialized()
  }

  var response: SimpleResponse {
    var headers: HTTPHeaders = [:]
    if let retryAfterSeconds = fields.retryAfterSeconds {
      headers.add(name: "Retry-After", value: String(retryAfterSeconds))
    }
    return SimpleResponse(status: fields.status, contentType: "application/json", text: json + "\n", headers: headers)
  }
}

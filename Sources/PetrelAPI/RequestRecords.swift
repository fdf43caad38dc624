// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// One inference request that has been answered.
package struct RequestRecord: Codable, Sendable, Equatable {
  package var id: String
  /// As the request wrote it.
  package var model: String
  package var method: String
  package var url: String
  /// The body as text.
  package var request: String
  /// JSON as text; a streamed answer is put together. Absent after an error.
  package var response: String?
  /// JSON as text.
  package var error: String?
  /// Seconds since 1970, when the request came.
  package var timestamp: Int64
  /// 408 when the client left before the answer was complete.
  package var statusCode: Int
  package var userAgent: String?
  package var origin: String?

  package init(
    id: String, model: String, method: String, url: String, request: String, response: String? = nil,
    error: String? = nil, timestamp: Int64, statusCode: Int, userAgent: String? = nil, origin: String? = nil
  ) {
    self.id = id
    self.model = model
    self.method = method
    self.url = url
    self.request = request
    self.response = response
    self.error = error
    self.timestamp = timestamp
    self.statusCode = statusCode
    self.userAgent = userAgent
    self.origin = origin
  }

  /// - Parameter time: nanoseconds since 1970, when the request came.
  package static func id(model: Digest, time: Int64) -> String { "\(model)_\(time)" }

  enum CodingKeys: String, CodingKey {
    case id, model, method, url, request, response, error, timestamp, origin
    case statusCode = "status_code"
    case userAgent = "user_agent"
  }
}

/// The latest requests to one model, in `GET /engines/requests`.
package struct RequestRecordGroup: Codable, Sendable {
  package var count: Int
  package var model: Digest
  /// What holds for the model.
  package var config: ModelSettings
  package var records: [RequestRecord]

  package init(model: Digest, config: ModelSettings, records: [RequestRecord]) {
    count = records.count
    self.model = model
    self.config = config
    self.records = records
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension RegistryError {
  /// What was asked for.
  enum Subject {
    case manifest
    case blob(Digest)
    case upload(Digest)
  }

  /// What a refusing response means. Decided by its status, and where that is not telling by the error code in its
  /// body, never by its text.
  static func refusal(
    _ response: RegistryResponse, of subject: Subject, verb: String, _ reference: ModelReference
  ) async -> RegistryError {
    let bytes = (try? await response.body.collect(upTo: 64 * 1024)) ?? []
    return refusal(
      status: response.status, headers: response.headers, body: bytes, of: subject, verb: verb, reference)
  }

  static func refusal(
    status: HTTPResponseStatus, headers: HTTPHeaders, body: [UInt8], of subject: Subject, verb: String,
    _ reference: ModelReference
  ) -> RegistryError {
    let registryCode = registryCode(body)
    let code = Code(status: status, registryCode: registryCode)
    let retryAfter = retryAfter(headers)
    let reason = reason(code, status, registryCode, subject, retryAfter)
    return RegistryError(
      code, "failed to \(verb) model \"\(reference)\": \(reason)", retryAfter: retryAfter)
  }

  /// The code of the first error in a refusal's body: `BLOB_UNKNOWN`.
  static func registryCode(_ body: [UInt8]) -> String? {
    (try? JSONDecoder().decode(ErrorBody.self, from: Data(body)))?.errors.first?.code
  }

  private static func reason(
    _ code: Code, _ status: HTTPResponseStatus, _ registryCode: String?, _ subject: Subject, _ retryAfter: Duration?
  ) -> String {
    switch (code, subject) {
    case (.unauthorized, _):
      "UNAUTHORIZED - Authentication required for this model (if the name is right, run \"docker login\")"
    case (.denied, _): "DENIED - Access to this model is denied"
    case (.notFound, _) where registryCode == "NAME_UNKNOWN": "NAME_UNKNOWN - Repository not found"
    case (.notFound, .manifest): "MANIFEST_UNKNOWN - Model not found"
    case (.notFound, .blob(let digest)): "BLOB_UNKNOWN - Blob \(digest) not found"
    case (.notFound, .upload): "NAME_UNKNOWN - Repository not found"
    case (.rateLimited, _):
      "TOOMANYREQUESTS - Too many requests; try again "
        + (retryAfter.map { "in \($0.components.seconds) seconds" } ?? "later")
    case (.unavailable, _): "UNAVAILABLE - The registry answers \(status.code); try again later"
    case (.rangeNotSatisfiable, _): "RANGE_INVALID - The registry has no bytes at this offset"
    default: "UNKNOWN - The registry answers \(status.code)"
    }
  }

  /// The pause that a response asks for: seconds, or a point in time.
  ///
  /// Source: RFC 9110, section 10.2.3.
  static func retryAfter(_ headers: HTTPHeaders, now: Date = Date()) -> Duration? {
    guard let text = headers.first(name: "Retry-After") else { return nil }
    if let seconds = Int64(text) { return seconds >= 0 ? .seconds(min(seconds, 86_400)) : nil }
    return httpDate(text).map { .seconds(min(max($0.timeIntervalSince(now), 0), 86_400)) }
  }

  /// Reads `Wed, 21 Oct 2015 07:28:00 GMT`.
  private static func httpDate(_ text: String) -> Date? {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let parts = text.split(separator: " ")
    guard parts.count == 6, let month = months.firstIndex(of: String(parts[2])) else { return nil }
    let number = (Int(parts[1]), Int(parts[3]))
    guard case (let day?, let year?) = number else { return nil }
    return try? Date(
      "\(year)-\(month < 9 ? "0" : "")\(month + 1)-\(day < 10 ? "0" : "")\(day)T\(parts[4])Z", strategy: .iso8601)
  }

  private struct ErrorBody: Decodable {
    struct Entry: Decodable { var code: String? }
    var errors: [Entry]
  }
}

extension RegistryError.Code {
  init(status: HTTPResponseStatus, registryCode: String? = nil) {
    switch (status.code, registryCode) {
    case (401, _): self = .unauthorized
    case (403, "TOOMANYREQUESTS"), (429, _): self = .rateLimited
    case (403, _): self = .denied
    case (404, _): self = .notFound
    case (416, _): self = .rangeNotSatisfiable
    case (501, _), (405, _): self = .unsupported
    case (408, _), (500..., _): self = .unavailable
    case (400..., "UNAUTHORIZED"): self = .unauthorized
    case (400..., "DENIED"): self = .denied
    case (400..., "NAME_UNKNOWN"), (400..., "MANIFEST_UNKNOWN"), (400..., "BLOB_UNKNOWN"): self = .notFound
    case (400..., "TOOMANYREQUESTS"): self = .rateLimited
    default: self = .invalidResponse
    }
  }
}

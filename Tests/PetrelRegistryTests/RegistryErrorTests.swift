// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import Testing

@testable import PetrelRegistry

@Suite struct RegistryErrorTests {
  @Test(arguments: [
    (401, nil, RegistryError.Code.unauthorized, false), (403, "DENIED", .denied, false), (403, nil, .denied, false),
    (404, "MANIFEST_UNKNOWN", .notFound, false), (404, nil, .notFound, false), (405, nil, .unsupported, false),
    (408, nil, .unavailable, true), (416, nil, .rangeNotSatisfiable, false), (429, nil, .rateLimited, true),
    (400, "NAME_UNKNOWN", .notFound, false), (400, nil, .invalidResponse, false), (418, "404", .invalidResponse, false),
    (500, "NAME_UNKNOWN", .unavailable, true), (501, nil, .unsupported, false), (502, nil, .unavailable, true),
    (503, nil, .unavailable, true), (504, nil, .unavailable, true), (204, nil, .invalidResponse, false),
  ])
  func classifies(_ status: Int, _ code: String?, _ expected: RegistryError.Code, _ isRetryable: Bool) {
    let found = RegistryError.Code(status: .init(statusCode: status), registryCode: code)
    #expect(found == expected)
    #expect(RegistryError(found, "").isRetryable == isRetryable)
  }

  @Test(arguments: [
    ("7", 7), ("0", 0), ("-1", nil), ("soon", nil), ("", nil), ("99999999999", 86_400),
    ("Wed, 21 Oct 2015 07:28:30 GMT", 30), ("Wed, 21 Oct 2015 07:00:00 GMT", 0), ("Wed, 21 Foo 2015 07:28:30 GMT", nil),
  ])
  func readsRetryAfter(_ text: String, _ seconds: Int?) throws {
    let now = try Date("2015-10-21T07:28:00Z", strategy: .iso8601)
    #expect(RegistryError.retryAfter(["Retry-After": text], now: now) == seconds.map { .seconds($0) })
  }
}

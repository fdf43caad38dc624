// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import Testing

@testable import PetrelRegistry

@Suite struct RedirectRuleTests {
  private func follow(_ location: String?, from url: String = "https://r.io/v2/a/blobs/x") throws -> (URL, HTTPHeaders)
  {
    let headers: HTTPHeaders = ["Authorization": "Bearer t", "Range": "bytes=5-"]
    return try RedirectRule.follow(location: location, from: try #require(URL(string: url)), headers: headers)
  }

  @Test(arguments: [
    ("/other", "https://r.io/other", true), ("https://r.io:443/x?a=b%2Fc", "https://r.io:443/x?a=b%2Fc", true),
    ("https://R.IO/y", "https://R.IO/y", true), ("https://cdn.io/x", "https://cdn.io/x", false),
    ("https://r.io:8443/x", "https://r.io:8443/x", false), ("//cdn.io/x", "https://cdn.io/x", false),
  ])
  func keepsRangeAndDropsCredentials(_ location: String, _ expected: String, _ keeps: Bool) throws {
    let (url, headers) = try follow(location)
    #expect(url.absoluteString == expected)
    #expect(headers.contains(name: "Authorization") == keeps)
    #expect(headers.first(name: "Range") == "bytes=5-")
  }

  @Test func dropsCredentialsWhenTheSchemeChanges() throws {
    #expect(try !follow("https://r.io/x", from: "http://r.io/y").1.contains(name: "Authorization"))
  }

  @Test(arguments: ["http://r.io/x", "http://cdn.io/x", "file:///etc/passwd", "javascript:x", nil])
  func refuses(_ location: String?) throws {
    #expect(throws: RegistryError.self) { try follow(location) }
  }
}

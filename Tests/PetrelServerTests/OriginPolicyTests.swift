// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import Testing

@testable import PetrelHTTP
@testable import PetrelServer

struct OriginPolicyTests {
  private func head(_ origin: String?, method: HTTPMethod = .POST) throws -> RequestHead {
    let headers = HTTPHeaders(origin.map { [("Origin", $0)] } ?? [])
    return try #require(
      RequestHead(HTTPRequestHead(version: .http1_1, method: method, uri: "/v1/completions", headers: headers)))
  }

  @Test func programsSendNoOrigin() throws {
    #expect(OriginPolicy(origins: nil).allows(try head(nil)))
  }

  @Test(arguments: [
    "http://localhost", "http://localhost:3000", "https://127.0.0.1:8443", "http://[::1]:80", "http://0.0.0.0:1",
  ])
  func pagesOfThisMachineMay(_ origin: String) throws {
    #expect(OriginPolicy(origins: nil).allows(try head(origin)))
  }

  @Test(arguments: [
    "http://evil.example", "http://localhost.evil.example", "http://localhost:80.evil.example", "null", "",
    "file://localhost", "http://localhost:port", "http://127.0.0.1:99999",
  ])
  func foreignPagesMayNot(_ origin: String) throws {
    #expect(!OriginPolicy(origins: nil).allows(try head(origin)))
    #expect(!OriginPolicy(origins: "https://app.example").allows(try head(origin)))
  }

  @Test func answersTellTheBrowserWhoMayRead() throws {
    let policy = OriginPolicy(origins: nil)
    #expect(policy.headers(try head(nil)).isEmpty)
    let local = policy.headers(try head("http://localhost:3000"))
    #expect(local.first(name: "Access-Control-Allow-Origin") == "http://localhost:3000")
    #expect(local.first(name: "Vary") == "Origin")
    #expect(!policy.headers(try head("http://evil.example")).contains(name: "Access-Control-Allow-Origin"))
  }

  @Test func preflightsAreAnswered() throws {
    let policy = OriginPolicy(origins: nil)
    let answer = try #require(policy.preflight(try head("http://localhost:3000", method: .OPTIONS)))
    #expect(answer.status == .noContent)
    #expect(answer.headers.first(name: "Access-Control-Allow-Methods")?.contains("DELETE") == true)
    #expect(policy.preflight(try head(nil, method: .OPTIONS)) == nil)
    #expect(policy.preflight(try head("http://localhost:3000")) == nil)
  }

  @Test func listedPagesMay() throws {
    let policy = OriginPolicy(origins: " https://app.example , http://other.example:8080")
    #expect(policy.allows(try head("https://app.example")))
    #expect(policy.allows(try head("http://other.example:8080")))
    #expect(!policy.allows(try head("http://other.example")))
    #expect(OriginPolicy(origins: "*").allows(try head("http://evil.example")))
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import Testing

@testable import PetrelHTTP
@testable import PetrelServer

struct OriginPolicyTests {
  private func head(_ origin: String?, method: HTTPMethod = .POST, _ more: HTTPHeaders = [:]) throws -> RequestHead {
    var headers = HTTPHeaders(origin.map { [("Origin", $0)] } ?? [])
    headers.add(contentsOf: more)
    return try #require(
      RequestHead(HTTPRequestHead(version: .http1_1, method: method, uri: "/v1/completions", headers: headers)))
  }

  private func allows(_ policy: OriginPolicy, _ head: RequestHead) -> Bool {
    policy.allows(RequestMarks(head.headers), head)
  }

  private func policy(_ origins: String...) -> OriginPolicy {
    OriginPolicy(listed: origins.compactMap { OriginPattern($0) })
  }

  @Test func programsSendNoOrigin() throws {
    #expect(allows(policy(), try head(nil)))
  }

  @Test(arguments: [
    "http://localhost", "http://localhost:3000", "https://127.0.0.1:8443", "http://[::1]:80", "http://0.0.0.0:1",
    "http://[::1]",
  ])
  func pagesOfThisMachineMay(_ origin: String) throws {
    #expect(allows(policy(), try head(origin)))
  }

  @Test(arguments: [
    "http://evil.example", "http://localhost.evil.example", "http://localhost:80.evil.example", "null", "",
    "file://localhost", "http://localhost:port", "http://127.0.0.1:99999", "http://localhost:",
    "http://localhost:3000/",
    "http://localhost@evil.example", "http://localhost:1:2", "http://127.0.0.1.evil.example", "http://[::1].evil:80",
    "HTTP://evil.example#http://localhost",
  ])
  func foreignPagesMayNot(_ origin: String) throws {
    #expect(!allows(policy(), try head(origin)))
    #expect(!allows(policy("https://app.example", "https://app.example:*", "https://*.app.example"), try head(origin)))
  }

  @Test func listedPagesMay() throws {
    let policy = policy("https://app.example", "http://other.example:8080", "chrome-extension://abcdef")
    for origin in ["https://app.example", "http://other.example:8080", "chrome-extension://abcdef"] {
      #expect(allows(policy, try head(origin)))
    }
    for origin in [
      "http://other.example", "http://app.example", "https://app.example:8443", "https://sub.app.example",
      "chrome-extension://abcde",
    ] {
      #expect(!allows(policy, try head(origin)))
    }
  }

  @Test func wildcardsStandForPortsAndNames() throws {
    let policy = policy(
      "http://dev.lan:*", "https://*.example.com", "https://*.both.example:*", "https://std.example:443")
    for origin in [
      "http://dev.lan", "http://dev.lan:3000", "https://a.example.com", "https://a.b.example.com",
      "https://x.both.example:5", "https://std.example",
    ] {
      #expect(allows(policy, try head(origin)), "\(origin)")
    }
    for origin in [
      "https://dev.lan:3000", "http://dev.lan.evil:3000", "https://example.com", "https://a.example.com:444",
      "https://.example.com", "https://evilexample.com", "http://x.both.example:5", "https://both.example:5",
    ] {
      #expect(!allows(policy, try head(origin)), "\(origin)")
    }
  }

  @Test(arguments: [
    "app.example", "localhost:3000", "https://", "https://a/b", "https://a:x", "https://*", "http://*.*.x", "*", "",
    "https://a:99999", "https://u@a",
  ])
  func whatIsNoOriginIsNotTaken(_ text: String) {
    #expect(OriginPattern(text) == nil)
  }

  @Test func aStarStandsForAllButNull() throws {
    let policy = OriginPolicy(takesAll: true)
    #expect(allows(policy, try head("http://evil.example")))
    #expect(!allows(policy, try head("null")))
    #expect(allows(self.policy("null"), try head("null")))
  }

  @Test func theDaemonsOwnPagesMay() throws {
    #expect(allows(policy(), try head("https://box.lan:12444", ["Host": "box.lan:12444"])))
    #expect(!allows(policy(), try head("https://box.lan", ["Host": "box.lan:12444"])))
    #expect(!allows(policy(), try head("ftp://box.lan", ["Host": "box.lan"])))
  }

  /// A form or an image of a foreign page: some come without an origin.
  @Test func whatABrowserMarksAsForeignIsRefused() throws {
    #expect(!allows(policy(), try head(nil, ["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"])))
    #expect(!allows(policy(), try head(nil, ["Sec-Fetch-Site": "same-site"])))
    #expect(
      !allows(policy(), try head(nil, method: .GET, ["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"])))
    #expect(
      allows(policy(), try head(nil, method: .GET, ["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"])))
    #expect(allows(policy(), try head(nil, ["Sec-Fetch-Site": "same-origin"])))
    #expect(allows(policy(), try head(nil, ["Sec-Fetch-Site": "none"])))
  }

  @Test func answersTellTheBrowserWhoMayRead() throws {
    #expect(policy().headers(try head(nil)).isEmpty)
    let local = policy().headers(try head("http://localhost:3000"))
    #expect(local.first(name: "Access-Control-Allow-Origin") == "http://localhost:3000")
    #expect(local.first(name: "Access-Control-Allow-Credentials") == "true")
    #expect(local.first(name: "Vary") == "Origin")
    let foreign = policy().headers(try head("http://evil.example"))
    #expect(!foreign.contains(name: "Access-Control-Allow-Origin"))
    #expect(foreign.first(name: "Vary") == "Origin")
    let any = OriginPolicy(takesAll: true).headers(try head("http://any.example"))
    #expect(any.first(name: "Access-Control-Allow-Origin") == "http://any.example")
    #expect(!any.contains(name: "Access-Control-Allow-Credentials"))
  }

  @Test func preflightsAreAnswered() throws {
    let request = try head(
      "http://localhost:3000", method: .OPTIONS,
      [
        "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "content-type,x-api-key",
        "Access-Control-Request-Private-Network": "true",
      ])
    let answer = try #require(policy().preflight(request, RequestMarks(request.headers)))
    #expect(answer.status == .noContent)
    #expect(answer.headers.first(name: "Access-Control-Allow-Methods")?.contains("DELETE") == true)
    #expect(answer.headers.first(name: "Access-Control-Allow-Headers") == "content-type,x-api-key")
    #expect(answer.headers.first(name: "Access-Control-Allow-Private-Network") == "true")
    for other in [try head(nil, method: .OPTIONS), try head("http://localhost:3000")] {
      #expect(policy().preflight(other, RequestMarks(other.headers)) == nil)
    }
  }
}

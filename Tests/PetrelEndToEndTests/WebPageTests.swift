// SPDX-License-Identifier: Apache-2.0

import Testing

extension EndToEnd {
  /// What browsers let pages do with the daemon.
  @Suite(.sharedDaemon) struct WebPageTests {
    private static let chat = #"{"model":"petrel/demo","messages":[{"role":"user","content":"Say hello"}]}"#

    @Test func aForeignPageIsRefused() async throws {
      for path in ["/v1/chat/completions", "/models/create"] {
        let answer = try await SharedDaemon.current.curl(
          path, body: Self.chat, options: "-H", "Origin: http://evil.example")
        #expect(answer.status == 403)
      }
    }

    @Test func aFormOfAForeignPageIsRefused() async throws {
      for headers in [["Origin: null"], ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"]] {
        let answer = try await SharedDaemon.current.curl(
          "/v1/chat/completions", body: Self.chat, headers: headers + ["Content-Type: text/plain"])
        #expect(answer.status == 403)
      }
    }

    @Test func aPageOfThisMachineMayReadTheAnswer() async throws {
      let answer = try await SharedDaemon.current.curl(
        "/v1/chat/completions", body: Self.chat, options: "-H", "Origin: http://localhost:3000", "-D", "-")
      #expect(answer.status == 200)
      #expect(answer.body.contains("Access-Control-Allow-Origin: http://localhost:3000\r\n"))
      #expect(answer.body.ranges(of: "Access-Control-Allow-Origin").count == 1)
      #expect(answer.body.contains("Hello!"))
    }

    @Test func itsPreflightIsAnswered() async throws {
      let answer = try await SharedDaemon.current.curl(
        "/v1/chat/completions", options: "-X", "OPTIONS", "-H", "Origin: http://localhost:3000", "-H",
        "Access-Control-Request-Method: POST", "-H", "Access-Control-Request-Headers: content-type", "-D", "-")
      #expect(answer.status == 204)
      #expect(answer.body.contains("Access-Control-Allow-Headers: content-type\r\n"))
    }
  }
}

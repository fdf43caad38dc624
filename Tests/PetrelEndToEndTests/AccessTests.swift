// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import Testing

extension EndToEnd {
  /// Who may use the daemon.
  @Suite struct AccessTests {
    private static let chat = Ask.chat("Say hello", #","max_tokens":4"#)

    private static func makeKey(_ daemon: Daemon, _ words: String...) async throws -> String {
      let made = try await daemon.scratch.run(daemon.scratch.setup.petrel, ["keys", "create"] + words)
      try #require(made.status == 0, "\(made.errors)")
      return String(made.output.dropLast())
    }

    @Test func keysOpenWhatTheyAreFor() async throws {
      try await Daemon.with(flags: ["--auth"]) { daemon in
        #expect(daemon.log.contains("requests over TCP need an API key, and there is none"))
        // The socket needs no key.
        try await daemon.packageDemoModel()
        let key = try await Self.makeKey(daemon, "asker")
        for path in ["/v1/models", "/models/petrel/demo", "/models/nope", "/nowhere"] {
          #expect(try await daemon.curl(path).status == 401)
        }
        let refused = try await daemon.curl("/v1/chat/completions", body: Self.chat, options: "-D", "-")
        #expect(refused.status == 401)
        #expect(refused.body.contains("WWW-Authenticate: Bearer\r\n"))
        #expect(refused.body.contains(#""code":"invalid_api_key""#))
        #expect(try await daemon.curl("/health").status == 200)

        let bearer = "Authorization: Bearer \(key)"
        #expect(try await daemon.curl("/v1/chat/completions", body: Self.chat, options: "-H", bearer).status == 200)
        #expect(try await daemon.curl("/v1/models", options: "-H", "x-api-key: \(key)").status == 200)
        let unload = try await daemon.curl("/engines/unload", body: #"{"all":true}"#, options: "-H", bearer)
        #expect(unload.status == 403)
        #expect(unload.body == "the API key is not for this: it lacks the scope admin\n")

        let revoked = try await daemon.petrel("keys", "revoke", "asker")
        #expect(revoked.status == 0)
        #expect(try await daemon.curl("/v1/models", options: "-H", bearer).status == 401)
      }
    }

    @Test func limitsOfKeysAreKept() async throws {
      try await Daemon.with(environment: ["PETREL_AUTH": "on"]) { daemon in
        let key = try await Self.makeKey(daemon, "slow", "--rate", "1")
        let bearer = "Authorization: Bearer \(key)"
        #expect(try await daemon.curl("/v1/models", options: "-H", bearer).status == 200)
        let second = try await daemon.curl("/v1/models", options: "-H", bearer, "-D", "-")
        #expect(second.status == 429)
        #expect(second.body.contains("\r\nRetry-After: "))
        #expect(second.body.contains(#""code":"rate_limit_exceeded""#))
      }
    }

    @Test func commandsSendTheirKey() async throws {
      try await Daemon.with(flags: ["--auth"]) { daemon in
        let host = ["MODEL_RUNNER_HOST": daemon.url]
        let petrel = daemon.scratch.setup.petrel
        let without = try await daemon.scratch.run(petrel, ["list"], environment: host)
        #expect(without.status == 1)
        #expect(without.errors.contains("an API key is needed"))
        let key = try await Self.makeKey(daemon, "mine", "--scope", "admin")
        let with = try await daemon.scratch.run(
          petrel, ["list"], environment: host.merging(["PETREL_API_KEY": key]) { $1 })
        #expect(with.status == 0, "\(with.errors)")
      }
    }

    @Test func loopbackNeedsNoKeyAndOtherNamesAreRefused() async throws {
      try await Daemon.with { daemon in
        #expect(try await daemon.curl("/v1/models").status == 200)
        for host in ["localhost:12434", "model-runner.docker.internal", "app.localhost"] {
          #expect(try await daemon.curl("/models", options: "-H", "Host: \(host)").status == 200)
        }
        let rebound = try await daemon.curl("/models", options: "-H", "Host: evil.example:12434")
        #expect(rebound.status == 403)
        #expect(
          rebound.body
            == "\"evil.example:12434\" is not a name of this daemon; if it should be, put it into allowed-hosts "
            + "(PETREL_ALLOWED_HOSTS)\n")
        #expect(try await daemon.curlSocket("/models").status == 200)
      }
    }

    @Test func aLargeBodyToNowhereIsNotFound() async throws {
      try await Daemon.with { daemon in
        let body = String(repeating: "x", count: 3 << 20)
        #expect(try await daemon.curl("/nowhere", body: body).status == 404)
        #expect(try await daemon.curl("/v1/nowhere", body: body).status == 404)
        let gzip = try await daemon.curl("/v1/completions", body: body, options: "-H", "Content-Encoding: gzip")
        #expect(gzip.status == 415)
      }
    }
  }
}

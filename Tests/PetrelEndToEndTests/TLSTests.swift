// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing

extension EndToEnd {
  /// The listener that speaks TLS.
  @Suite struct TLSTests {
    @Test func curlTrustsTheCertificateThatPetrelMakes() async throws {
      try await Daemon.with(flags: ["--tls", "--tls-port", "0"]) { daemon in
        let url = try #require(daemon.secureURL)
        let authority = daemon.scratch.home.appending("certs/ca.crt").string
        for arguments in [[], ["--tls-max", "1.2"]] {
          let answer = try await daemon.scratch.run(
            "curl", ["-sS", "--cacert", authority] + arguments + [url + "/version"])
          #expect(answer.status == 0, "\(answer.errors)")
          #expect(answer.output.contains("version"))
        }
        let distrustful = try await daemon.scratch.run("curl", ["-sS", url + "/version"])
        #expect(distrustful.status == 60)
        let old = try await daemon.scratch.run("curl", ["-sS", "-k", "--tls-max", "1.1", url + "/version"])
        #expect(old.status == 35)
        let plain = try await daemon.scratch.run("curl", ["-sS", url.replacing("https:", with: "http:") + "/version"])
        #expect(plain.status != 0)
      }
    }

    @Test func commandLineReachesTheDaemonOverTLS() async throws {
      try await Daemon.with(flags: ["--tls", "--tls-port", "0"]) { daemon in
        try await daemon.packageDemoModel()
        let url = try #require(daemon.secureURL)
        func run(_ more: [String: String]) async throws -> Finished {
          try await daemon.scratch.petrel(
            "run", Daemon.model, "Say hello", environment: more.merging(["MODEL_RUNNER_HOST": url]) { $1 })
        }
        let trusted = try await run([:])
        #expect(trusted.status == 0, "\(trusted.errors)")
        #expect(trusted.output.contains("Hello"))

        let stranger = ["PETREL_HOME": daemon.scratch.folder.appending("elsewhere").string]
        let refused = try await run(stranger)
        #expect(refused.status == 1)
        #expect(refused.errors.contains("its certificate is not trusted"))
        let named = try await run(
          stranger.merging([
            "MODEL_RUNNER_TLS_CA_CERT": daemon.scratch.home.appending("certs/ca.crt").string
          ]) { $1 })
        #expect(named.status == 0, "\(named.errors)")
        let careless = try await run(stranger.merging(["MODEL_RUNNER_TLS_SKIP_VERIFY": "true"]) { $1 })
        #expect(careless.status == 0, "\(careless.errors)")
      }
    }
  }
}

extension Daemon {
  /// Where it speaks TLS.
  fileprivate var secureURL: String? {
    log.split(separator: "\n").first { $0.hasPrefix("Listening on https://") }
      .map { String($0.dropFirst("Listening on ".count)) }
  }
}

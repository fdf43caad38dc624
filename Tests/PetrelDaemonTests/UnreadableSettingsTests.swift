// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelDaemon

/// Values that can't be read keep the daemon from starting, except those of variables that other programs read too.
@Suite struct UnreadableSettingsTests {
  private func load(
    flags: [String: [String]] = [:], environment: [String: String] = [:], file: String = ""
  ) async throws -> DaemonConfiguration {
    try await withTemporaryFolder { folder in
      try folder.appending("config.yaml").write(file)
      return try DaemonConfiguration.load(
        flags: flags, environment: environment.merging(["PETREL_HOME": folder.string]) { $1 }, userHome: "/home/me",
        workingDirectory: "/work", processors: 2)
    }
  }

  @Test(arguments: ["port: [1, 2]\n", "keep-alive: [5m, 6m]\n", "https-proxy: [http://a:1, http://b:1]\n"])
  func `A list is no single value`(file: String) async throws {
    let error = await #expect(throws: ConfigurationError.self) { _ = try await load(file: file) }
    #expect(error?.message.contains("is a list (file ") == true)
    #expect(error?.message.contains("but it must be one value") == true)
  }

  @Test func `A log level that is none is refused where only Petrel reads it`() async throws {
    let flag = await #expect(throws: ConfigurationError.self) { _ = try await load(flags: ["log-level": ["loud"]]) }
    #expect(flag?.message.hasPrefix("log-level is \"loud\" (flag --log-level), but it must be trace") == true)
    await #expect(throws: ConfigurationError.self) { _ = try await load(file: "log-level: loud\n") }
    let environment = try await load(environment: ["LOG_LEVEL": "loud"])
    #expect(environment.logLevel == .info)
    #expect(environment.warnings.contains { $0.hasPrefix("log-level is \"loud\" (environment LOG_LEVEL)") })
  }

  @Test(arguments: [
    (#"--x "unclosed"#, "a quotation mark is not closed"), ("-ngl 0 --model x", "cannot override --model"),
    ("--hf-token hf_1 --media_path /", "cannot override --media-path"),
  ]) func `Arguments for engines that no engine could be started with are refused`(
    text: String, words: String
  ) async throws {
    let error = await #expect(throws: ConfigurationError.self) { _ = try await load(environment: ["LLAMA_ARGS": text]) }
    #expect(error?.message.contains("environment LLAMA_ARGS") == true)
    #expect(error?.message.contains(words) == true)
    #expect(error?.message.contains("hf_1") == false)
    await #expect(throws: ConfigurationError.self) { _ = try await load(file: "llama-args: ['\(text)']\n") }
  }
}

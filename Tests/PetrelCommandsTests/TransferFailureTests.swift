// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import Testing

@testable import PetrelCommands

/// What is said when a transfer fails for good.
@Suite struct TransferFailureTests {
  private func run(_ words: [String], _ answer: StubDaemon.Response) async throws -> (Int32, String) {
    let fixture = try CommandFixture()
    return try await StubDaemon.serving({ _ in answer }) { stub in
      let status = await fixture.run(words, fixture.context(environment: ["MODEL_RUNNER_HOST": stub.address]))
      return (status, fixture.errors)
    }
  }

  @Test(arguments: [
    ("m", "docker.io has no ai/m with the tag latest"),
    ("localhost:5000/team/x:v2", "localhost:5000 has no team/x with the tag v2"),
  ]) func `A model that is not in the registry is told with registry and tag`(name: String, words: String) async throws
  {
    let (status, errors) = try await run(["pull", name], .init(404, chunks: ["Model not found\n"]))
    #expect(status == 1)
    #expect(errors == "Error: Failed to pull model \(name): Model not found: \(words)\n")
  }

  @Test func `A pull that breaks off says once that it failed, and how it goes on`() async throws {
    let lines =
      #"{"type":"progress","message":"","total":3,"layer":{"id":"sha256:ab","size":3,"current":1},"mode":"pull"}"#
      + "\n"
      + #"{"type":"error","message":"Error: r: Connection refused","total":0,"layer":{"size":0,"current":0},"mode":"pull"}"#
    let (status, errors) = try await run(["pull", "m"], .init(200, chunks: [lines]))
    #expect(status == 1)
    #expect(
      errors.hasSuffix(
        "\nError: Failed to pull model m: r: Connection refused. What came is kept; pull again to go on\n"), "\(errors)"
    )
  }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelCommands

/// What the commands that start, stop and uninstall say of what is there already, or is not.
@Suite struct RunnerStateTests {
  @Test func `Flags for a daemon that runs already are refused with the way to apply them`() async throws {
    let fixture = try CommandFixture()
    let socket = fixture.folder.appending("petrel.sock").string
    try await StubDaemon.serving(socketPath: socket, { _ in .json("{}") }) { _ in
      let context = fixture.context(environment: ["PETREL_HOME": fixture.folder.string, "MODEL_RUNNER_PORT": "1"])
      #expect(await fixture.run(["start-runner", "--port", "29999", "--debug"], context) == 1)
      #expect(
        fixture.errors.contains("`petrel restart-runner --debug --port 29999` starts it anew"), "\(fixture.errors)")
      #expect(fixture.output.isEmpty)
      #expect(await fixture.run(["start-runner"], context) == 0)
      #expect(fixture.output == "The petrel daemon is already running\n")
      #expect(fixture.launches.isEmpty)
    }
  }

  @Test(arguments: [["--backend", "llama.cpp"], ["--images"], []])
  func `Nothing is uninstalled where nothing is`(words: [String]) async throws {
    let fixture = try CommandFixture()
    let context = fixture.context(environment: ["MODEL_RUNNER_PORT": "1"])
    #expect(await fixture.run(["uninstall-runner"] + words, context) == 0)
    #expect(fixture.output == "No engine is installed\n")
  }

  @Test func `What was installed is said to be uninstalled`() async throws {
    let fixture = try CommandFixture()
    let folder = fixture.folder.appending(".petrel/engines/llama.cpp/1.0/bin")
    try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
    let context = fixture.context(environment: ["MODEL_RUNNER_PORT": "1"])
    #expect(await fixture.run(["uninstall-runner", "--backend", "llama.cpp"], context) == 0)
    #expect(fixture.output == "Uninstalled llama.cpp backend\n")
    #expect(!FileManager.default.fileExists(atPath: folder.string))
  }
}

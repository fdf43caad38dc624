// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelClient
import PetrelDaemon
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelCommands

struct DaemonTargetTests {
  @Test func prefersTheGivenHost() throws {
    let context = try CommandFixture().context(environment: ["MODEL_RUNNER_HOST": "h:1/p", "MODEL_RUNNER_PORT": "2"])
    #expect(try DaemonTarget(context) == .given(try DaemonEndpoint(parsing: "http://h:1/p")))
  }

  @Test func findsTheLocalDaemon() throws {
    let fixture = try CommandFixture()
    let tcp = DaemonEndpoint(loopbackPort: 12434)
    #expect(
      try DaemonTarget(fixture.context())
        == .local(socket: DaemonEndpoint(socketPath: fixture.folder.string + "/.petrel/petrel.sock"), tcp: tcp))
    #expect(
      try DaemonTarget(fixture.context(environment: ["PETREL_HOME": "home"]))
        == .local(socket: DaemonEndpoint(socketPath: fixture.folder.string + "/home/petrel.sock"), tcp: tcp))
    #expect(
      try DaemonTarget(fixture.context(environment: ["MODEL_RUNNER_SOCK": "/s", "MODEL_RUNNER_PORT": "9"]))
        == .local(socket: DaemonEndpoint(socketPath: "/s"), tcp: DaemonEndpoint(loopbackPort: 9)))
  }

  @Test func refusesABadPort() throws {
    let context = try CommandFixture().context(environment: ["MODEL_RUNNER_PORT": "many"])
    #expect(throws: ConfigurationError.self) { try DaemonTarget(context) }
  }
}

struct DaemonLauncherTests {
  @Test func aDaemonThatEndsIsReportedWithItsLog() async throws {
    let fixture = try CommandFixture()
    let log = fixture.folder.appending("logs").appending("daemon.log")
    try FileManager.default.createDirectory(
      atPath: log.removingLastComponent().string, withIntermediateDirectories: true)
    try Data("from an earlier start\n".utf8).write(to: URL(filePath: log.string))
    let environment = [
      "PETREL_HOME": fixture.folder.string, "MODEL_RUNNER_PORT": "1", Invocation.socketVariable: "@x",
      Invocation.originalCommandVariable: "docker",
    ]
    let context = fixture.context(environment: environment) { launch in
      let handle = try FileHandle(forWritingTo: URL(filePath: launch.log.string))
      try handle.seekToEnd()
      try handle.write(contentsOf: Data("the port is taken\n".utf8))
      try handle.close()
      return CommandFixture.ExitedProcess(description: "exit status 3")
    }
    #expect(await fixture.run(["ls"], context) == 1)
    #expect(!fixture.errors.contains("Started the petrel daemon"))
    #expect(fixture.errors.contains("its log \(log):"))
    #expect(fixture.errors.contains("exit status 3"))
    #expect(fixture.errors.hasSuffix(":\nthe port is taken\n"))
    let launch = try #require(fixture.launches.first)
    #expect(launch.arguments == ["petrel", "serve"])
    #expect(launch.environment["PETREL_HOME"] == fixture.folder.string)
    #expect(launch.environment["PETREL_DAEMON_LOG"] == launch.log.string, "it keeps that file small")
    #expect(launch.environment["MODEL_RUNNER_PORT"] == "1")
    #expect(launch.environment[Invocation.socketVariable] == nil)
    #expect(launch.environment[Invocation.originalCommandVariable] == nil)
  }

  @Test func aDaemonThatNeverAnswersIsGivenUp() async throws {
    let fixture = try CommandFixture()
    let context = fixture.context(environment: ["MODEL_RUNNER_PORT": "1"]) { _ in
      CommandFixture.ExitedProcess(description: nil)
    }
    #expect(await fixture.run(["ls"], context) == 1)
    #expect(fixture.errors.contains("does not answer after 20 s"))
    #expect(fixture.slept.reduce(.zero, +) >= .seconds(20))
  }

  @Test(arguments: ["MODEL_RUNNER_NO_AUTO_INSTALL", "PETREL_NO_AUTOSTART"])
  func startsNothingWhenItMustNot(variable: String) async throws {
    let fixture = try CommandFixture()
    let context = fixture.context(environment: ["MODEL_RUNNER_PORT": "1", variable: "1"])
    #expect(await fixture.run(["ls"], context) == 1)
    #expect(fixture.launches.isEmpty)
    #expect(fixture.errors.contains("petrel serve"))
  }

  @Test func aRunningDaemonIsUsedThroughItsSocket() async throws {
    let fixture = try CommandFixture()
    let socket = fixture.folder.appending("petrel.sock").string
    try await StubDaemon.serving(socketPath: socket, { _ in .json("[]") }) { _ in
      let context = fixture.context(environment: ["PETREL_HOME": fixture.folder.string, "MODEL_RUNNER_PORT": "1"])
      #expect(await fixture.run(["ls", "--json"], context) == 0)
      #expect(fixture.output == "[]\n")
      #expect(fixture.errors.isEmpty)
      #expect(fixture.launches.isEmpty)
    }
  }

  @Test func aProcessIsStartedOnItsOwn() async throws {
    let fixture = try CommandFixture()
    let log = fixture.folder.appending("out.log")
    let script = "read x; echo \"[$x] $A\"; echo err >&2; ps -o sid= -p $$; exit 3"
    let process = try DetachedProcess(
      launching: DaemonLaunch(
        executable: "/bin/sh", arguments: ["sh", "-c", script],
        environment: ["A": "ä b", "PATH": "/usr/bin:/bin"], log: log))
    let deadline = ContinuousClock.now + .seconds(120)
    var exit: String?
    while exit == nil {
      try #require(ContinuousClock.now < deadline)
      exit = process.exitDescription()
      await Task.yield()
    }
    #expect(exit == "exit status 3")
    let lines = try String(contentsOfFile: log.string, encoding: .utf8).split(separator: "\n")
    #expect(lines.prefix(2) == ["[] ä b", "err"])
    #expect(lines.last?.replacing(" ", with: "") == "\(process.pid)")
  }

  @Test func aMissingProgramIsReported() throws {
    let fixture = try CommandFixture()
    let launch = DaemonLaunch(
      executable: "/nonexistent/petrel", arguments: ["petrel"], environment: [:], log: fixture.folder.appending("log"))
    let error = #expect(throws: CommandError.self) { try DetachedProcess(launching: launch) }
    #expect(error?.code == .daemonNotStarted)
  }
}

struct PluginFileTests {
  private func write(_ text: String, _ name: String, _ fixture: CommandFixture) throws -> FilePath {
    let file = fixture.folder.appending(name)
    try Data(text.utf8).write(to: URL(filePath: file.string))
    return file
  }

  @Test func installsAndReplacesItsOwn() throws {
    let fixture = try CommandFixture()
    let first = try write("1 \(PluginMetadata.description)", "first", fixture)
    let second = try write("2 \(PluginMetadata.description)", "second", fixture)
    let plugin = PluginFile(in: fixture.folder.appending("cli-plugins"))
    let path = try plugin.install(from: first, force: false)
    #expect(path.lastComponent == "docker-model")
    #expect(FileManager.default.isExecutableFile(atPath: path.string))
    _ = try plugin.install(from: second, force: false)
    #expect(FileManager.default.contentsEqual(atPath: path.string, andPath: second.string))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: path.removingLastComponent().string) == ["docker-model"])
  }

  @Test func leavesAnotherMakersPluginAlone() throws {
    let fixture = try CommandFixture()
    let ours = try write(PluginMetadata.description, "ours", fixture)
    let foreign = try write("Docker Model Runner", "docker-model", fixture)
    let plugin = PluginFile(in: fixture.folder)
    let error = #expect(throws: CommandError.self) { try plugin.install(from: ours, force: false) }
    #expect(error?.code == .fileExists)
    #expect(try String(contentsOfFile: foreign.string, encoding: .utf8) == "Docker Model Runner")
    _ = try plugin.install(from: ours, force: true)
    #expect(FileManager.default.contentsEqual(atPath: foreign.string, andPath: ours.string))
  }

  @Test func searchesBytes() {
    #expect(ByteSearch.contains([1, 2], in: [1, 1, 2]))
    #expect(!ByteSearch.contains([1, 2, 3], in: [1, 2]))
  }
}

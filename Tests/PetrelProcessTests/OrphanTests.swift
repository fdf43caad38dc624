// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelProcess
import PetrelTestSupport
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(10))) struct OrphanTests {
  private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  private func sleeper() async throws -> ChildProcess {
    try await ChildProcess.launch(ChildProcessPlan(executable: "/bin/sleep", arguments: ["1000"], environment: [:]))
  }

  @Test func `A process is told apart from later ones with its number`() async throws {
    let child = try await sleeper()
    let identity = try #require(ProcessIdentity(running: child.pid))
    #expect(identity.isRunning)
    #expect(ProcessIdentity(running: child.pid) == identity)
    let other = ProcessIdentity(pid: child.pid, started: identity.started + "1")
    #expect(!other.isRunning)
    other.kill()
    #expect(identity.isRunning)
    identity.kill()
    #expect(await child.exit().cause == .signaled(9))
    #expect(!identity.isRunning)
    #expect(ProcessIdentity(running: child.pid) == nil)
    for number: Int32 in [0, 1, -1, .max] { #expect(ProcessIdentity(running: number) == nil) }
  }

  @Test func `Sweeping kills what was recorded and nothing else`() async throws {
    try await withTemporaryFolder { folder in
      let records = OrphanRecords(directory: folder.appending("engines"), logger: logger)
      #expect(records.sweep() == 0)
      let (left, removed, unknown) = (try await sleeper(), try await sleeper(), try await sleeper())
      try records.add(pid: left.pid)
      try records.add(pid: removed.pid)
      records.remove(pid: removed.pid)
      // A record of an earlier process that had this one's number.
      try folder.appending("engines/\(unknown.pid).json").write(#"{"pid":\#(unknown.pid),"started":"0"}"#)
      try folder.appending("engines/broken.json").write("{\"pid\":")
      #expect(records.sweep() == 1)
      #expect(await left.exit().cause == .signaled(9))
      #expect(ProcessIdentity(running: removed.pid) != nil)
      #expect(ProcessIdentity(running: unknown.pid) != nil)
      #expect(folder.appending("engines").names.isEmpty)
      #expect(records.sweep() == 0)
      for child in [removed, unknown] { await child.stop(grace: .seconds(60)) }
    }
  }

  @Test func `An engine that has ended already is not recorded`() async throws {
    try await withTemporaryFolder { folder in
      let records = OrphanRecords(directory: folder.appending("engines"), logger: logger)
      let child = try await sleeper()
      await child.stop(grace: .seconds(60))
      try records.add(pid: child.pid)
      #expect(!folder.appending("engines/\(child.pid).json").exists)
    }
  }

  @Test func `A log is bounded, and keeps what came last`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("engine.log")
      let log = RotatingLog(path: path, limit: 1000)
      for number in 100..<400 { Array("line \(number)\n".utf8).withUnsafeBytes { log.append($0) } }
      log.close()
      let previous = FilePath(path.string + ".1")
      #expect(folder.names == ["engine.log", "engine.log.1"])
      #expect(path.text.utf8.count <= 1000)
      #expect(previous.text.utf8.count <= 1000)
      let lines = (previous.text + path.text).split(separator: "\n")
      #expect(lines.last == "line 399")
      #expect(lines.count > 100)
      #expect(lines == (400 - lines.count..<400).map { "line \($0)" })
    }
  }

  @Test func `A log goes on in the file of the daemon before`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("engine.log")
      for text in ["one\n", "two\n"] { Array(text.utf8).withUnsafeBytes { RotatingLog(path: path).append($0) } }
      #expect(path.text == "one\ntwo\n")
      Array("three\n".utf8).withUnsafeBytes { RotatingLog(path: path, limit: 8).append($0) }
      Array("lost".utf8).withUnsafeBytes { RotatingLog(path: folder.appending("missing/engine.log")).append($0) }
      #expect(folder.names.contains("engine.log"))
    }
  }
}

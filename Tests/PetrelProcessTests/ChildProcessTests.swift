// SPDX-License-Identifier: Apache-2.0

import PetrelProcess
import PetrelTestSupport
import Synchronization
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(10))) struct ChildProcessTests {
  private func shell(
    _ script: String, environment: [String: String] = [:], in folder: FilePath? = nil
  ) -> ChildProcessPlan {
    var environment = environment
    environment["PATH"] = "/usr/bin:/bin"
    return ChildProcessPlan(
      executable: "/bin/sh", arguments: ["-c", script], environment: environment, workingDirectory: folder)
  }

  private func run(_ plan: ChildProcessPlan) async throws -> ExitReport {
    await (try ChildProcess.launch(plan)).exit()
  }

  @Test func `A child's status and both its outputs are reported`() async throws {
    let report = try await run(shell("echo out; echo err >&2; exit 7"))
    #expect(report == ExitReport(cause: .exited(7), tail: "out\nerr\n"))
    #expect(try await run(shell("true")) == ExitReport(cause: .exited(0), tail: ""))
  }

  @Test func `A child that a signal ended is told apart`() async throws {
    #expect(try await run(shell("kill -9 $$")).cause == .signaled(9))
    #expect(try await run(shell("kill -11 $$")).cause == .signaled(11))
  }

  @Test func `A signal that a wrapper reports by its status is told as one, and a status as a status`() async throws {
    for (status, cause) in [
      (137, ExitReport.Cause.signaled(9)), (139, .signaled(11)), (7, .exited(7)), (128, .exited(128)),
      (255, .exited(255)),
    ] {
      var plan = shell("exit \(status)")
      plan.wrapper = "sh"
      #expect(try await run(plan).cause == cause)
    }
    #expect(try await run(shell("exit 137")).cause == .exited(137))
  }

  #if !canImport(Darwin)
    @Test func `The process behind wrappers is found, and any other is itself`() async throws {
      let process = try await ChildProcess.launch(shell("sleep 600 & wait"))
      let own = process.pid
      try await eventually("it has a child") { WrappedProcess.innermost(of: own, wrapper: "sh") != own }
      let inner = WrappedProcess.innermost(of: own, wrapper: "sh")
      try await eventually("the child is another program") {
        FilePath("/proc/\(inner)/comm").text == "sleep\n"
      }
      #expect(WrappedProcess.innermost(of: inner, wrapper: "sh") == inner)
      #expect(WrappedProcess.innermost(of: own, wrapper: "bwrap") == own)
      await process.stop(grace: .zero)
    }

    @Test func `What a wrapper has started is asked to end, and tells its end through it`() async throws {
      let inner = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done"
      var plan = shell("trap : TERM; /bin/bash -c \"$INNER\" & wait $!; exit $?", environment: ["INNER": inner])
      plan.wrapper = "sh"
      let output = Mutex("")
      let process = try await ChildProcess.launch(plan) { bytes in
        output.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
      }
      try await eventually("it runs") { output.withLock { $0.contains("ready") } }
      #expect(process.workingPid != process.pid)
      #expect(await process.stop(grace: .seconds(120)).cause == .exited(5))
    }

    @Test func `A wrapper is killed with what it has started when that does not end`() async throws {
      let inner = "trap '' TERM; echo ready; while :; do sleep 0.01; done"
      var plan = shell("/bin/bash -c \"$INNER\" & wait $!; exit $?", environment: ["INNER": inner])
      plan.wrapper = "sh"
      let output = Mutex("")
      let process = try await ChildProcess.launch(plan) { bytes in
        output.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
      }
      try await eventually("it runs") { output.withLock { $0.contains("ready") } }
      let worker = process.workingPid
      #expect(await process.stop(grace: .zero).cause == .signaled(9))
      #expect(ProcessIdentity(running: worker) == nil)
    }
  #endif

  @Test func `A child has the given arguments, environment and folder and nothing else`() async throws {
    try await withTemporaryFolder { folder in
      let plan = ChildProcessPlan(
        executable: "/bin/sh",
        arguments: ["-c", "pwd -P; env | grep -v -e ^PWD -e ^_ -e ^SHLVL; echo \"$0|$1\"", "a b", "*"],
        environment: ["ONLY": "this"], workingDirectory: folder)
      let lines = try await run(plan).tail.split(separator: "\n").map(String.init)
      #expect(lines.first?.hasSuffix(folder.string) == true)
      #expect(Array(lines.dropFirst()) == ["ONLY=this", "a b|*"])
    }
  }

  @Test func `Its input is empty`() async throws {
    #expect(try await run(shell("cat; echo end")).tail == "end\n")
  }

  @Test func `Output is drained to its last byte, and its end kept`() async throws {
    let seen = Mutex<(count: Int, last: [UInt8])>((0, []))
    let child = try await ChildProcess.launch(
      shell("head -c 1048576 /dev/zero | tr '\\0' x; printf END; exit 3")
    ) { bytes in
      seen.withLock { $0 = ($0.count + bytes.count, ($0.last + bytes).suffix(3)) }
    }
    let report = await child.exit()
    #expect(report.cause == .exited(3))
    let (count, last) = seen.withLock { $0 }
    #expect(count == 1_048_576 + 3)
    #expect(last == Array("END".utf8))
    #expect(report.tail.utf8.count == 64 * 1024)
    #expect(report.tail.hasSuffix("xEND"))
  }

  @Test func `The last lines leave blank ones out`() {
    let report = ExitReport(cause: .exited(1), tail: "one\n\ntwo\r\n\nthree\n")
    #expect(report.lastLines(2) == "two\nthree")
    #expect(report.lastLines(9) == "one\ntwo\nthree")
    #expect(ExitReport(cause: .exited(1), tail: "\n\n").lastLines(3).isEmpty)
  }

  @Test(arguments: ["/nowhere/program", "/etc/passwd", "/tmp"])
  func `What can't be started is an error`(path: String) async {
    await #expect(throws: (any Error).self) {
      try await ChildProcess.launch(ChildProcessPlan(executable: FilePath(path), arguments: [], environment: [:]))
    }
  }

  private func started(
    _ script: String, _ mark: String = "ready"
  ) async throws -> ChildProcess {
    let output = Mutex("")
    let child = try await ChildProcess.launch(shell(script)) { bytes in
      output.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
    }
    try await eventually("the child is ready") { output.withLock { $0.contains(mark) } }
    return child
  }

  @Test func `Stopping lets a child end in its own way, with its last words`() async throws {
    let child = try await started(
      "exec perl -e '$| = 1; $SIG{TERM} = sub { print qq(bye\\n); exit 5 }; print qq(ready\\n); sleep 1 while 1'")
    // A grace longer than the test may take: it is not waited for.
    let report = await child.stop(grace: .seconds(3600))
    #expect(report.cause == .exited(5))
    #expect(report.tail == "ready\nbye\n")
    #expect(await child.exit() == report)
    #expect(await child.stop(grace: .seconds(1)) == report)
  }

  @Test func `A child that does not heed is killed after the grace`() async throws {
    let child = try await started("trap '' TERM; echo ready; while :; do sleep 0.01; done")
    let report = await child.stop(grace: .milliseconds(100))
    #expect(report.cause == .signaled(9))
    #expect(ProcessIdentity(running: child.pid) == nil)
  }

  @Test func `Stopping reaches the child's own children`() async throws {
    let child = try await started("trap '' TERM; sleep 1000 & echo ready $!; wait; while :; do sleep 0.01; done")
    let report = await child.stop(grace: .milliseconds(50))
    let grandchild = try #require(report.tail.split(separator: " ").last.flatMap { Int32($0.dropLast()) })
    try await eventually("the grandchild has ended") { ProcessIdentity(running: grandchild) == nil }
  }

  @Test func `A child that closed its outputs is still watched and can be stopped`() async throws {
    try await withTemporaryFolder { folder in
      let child = try await ChildProcess.launch(
        shell("exec >/dev/null 2>&1; echo > closed; exec sleep 1000", in: folder))
      try await eventually("the outputs are closed") { folder.appending("closed").exists }
      // The time that another child takes is enough to see the end of the first one's output.
      #expect(try await run(shell("true")).cause == .exited(0))
      let exit = Task { await child.exit() }
      let report = await child.stop(grace: .seconds(60))
      #expect(report.cause == .signaled(15))
      #expect(await exit.value == report)
    }
  }

  @Test func `Many stops at once are one`() async throws {
    let child = try await started("echo ready; exec sleep 1000")
    await withTaskGroup(of: ExitReport.Cause.self) { group in
      for _ in 0..<8 { group.addTask { await child.stop(grace: .seconds(60)).cause } }
      for await cause in group { #expect(cause == .signaled(15)) }
    }
  }

  @Test func `Cancelling a task that waits for a child does not end the child`() async throws {
    let child = try await started("echo ready; exec sleep 1000")
    let waiting = Task { await child.exit() }
    waiting.cancel()
    #expect(ProcessIdentity(running: child.pid) != nil)
    #expect(await child.stop(grace: .seconds(60)).cause == .signaled(15))
    #expect(await waiting.value.cause == .signaled(15))
  }
}

// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A process in a session of its own: it neither gets the terminal's signals nor ends with this process.
struct DetachedProcess: BackgroundProcess {
  let pid: Int32

  init(launching launch: DaemonLaunch) throws {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }

    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, launch.log.string, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)

    // Signals that this process ignores would stay ignored in the daemon and in its engines.
    var signals = sigset_t()
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    var flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | Self.newSession
    #if canImport(Darwin)
      flags |= POSIX_SPAWN_CLOEXEC_DEFAULT
    #else
      Self.keepOpenFilesToThisProcess()
    #endif
    posix_spawnattr_setflags(&attributes, Int16(flags))

    var pid: pid_t = 0
    let environment = launch.environment.map { "\($0.key)=\($0.value)" }
    let error = Self.withCStrings(launch.arguments) { arguments in
      Self.withCStrings(environment) { environment in
        posix_spawn(&pid, launch.executable.string, &actions, &attributes, arguments, environment)
      }
    }
    guard error == 0 else {
      throw CommandError(
        .daemonNotStarted,
        "cannot start the petrel daemon (\(launch.executable) with log \(launch.log)): \(Errno(rawValue: error)); "
          + "start it with `petrel serve`")
    }
    self.pid = pid
  }

  func exitDescription() -> String? {
    var status: Int32 = 0
    let result = waitpid(pid, &status, WNOHANG)
    guard result != 0 else { return nil }
    guard result == pid else { return "it cannot be watched" }
    let signal = status & 0x7F
    return signal == 0 ? "exit status \((status >> 8) & 0xFF)" : "signal \(signal)"
  }

  private static var newSession: Int32 {
    #if canImport(Darwin)
      POSIX_SPAWN_SETSID
    #else
      // `POSIX_SPAWN_SETSID`, which the C libraries show under a feature switch only. The value is part of their ABI.
      0x80
    #endif
  }

  #if !canImport(Darwin)
    /// A file that this process got from its parent, such as the lock of a script, would stay open in the daemon.
    private static func keepOpenFilesToThisProcess() {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
      for number in names.compactMap(Int32.init) where number > STDERR_FILENO {
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
      }
    }
  #endif

  private static func withCStrings<Value>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Value
  ) -> Value {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
  }
}

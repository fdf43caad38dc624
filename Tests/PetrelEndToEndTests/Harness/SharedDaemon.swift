// SPDX-License-Identifier: Apache-2.0

import Testing

/// One daemon with the demo model for all tests of a suite. They must leave it as they found it.
struct SharedDaemon: SuiteTrait, TestScoping {
  @TaskLocal private static var daemon: Daemon?

  static var current: Daemon { get throws { try #require(daemon) } }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await Daemon.with { daemon in
      try await daemon.packageDemoModel()
      try await Self.$daemon.withValue(daemon) { try await function() }
    }
  }
}

extension Trait where Self == SharedDaemon {
  static var sharedDaemon: SharedDaemon { SharedDaemon() }
}

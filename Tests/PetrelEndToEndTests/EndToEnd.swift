// SPDX-License-Identifier: Apache-2.0

import Testing

/// The release binary as its users see it, with a real llama-server, a real registry and real clients.
///
/// `make test` says by `PETREL_TEST_…` variables where these parts are. Without any of them, as in a bare `swift test`,
/// there is nothing to drive and the suites are off; with some of them missing they fail and say which.
@Suite(
  .enabled(if: Setup.isWanted, "run by `make test`, which builds what these suites drive"), .timeLimit(.minutes(20)))
enum EndToEnd {}

// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelDaemon

/// What keeps a daemon from starting is said in words that name the setting.
@Suite struct StartFailureTests {
  @Test(arguments: [
    // An address for documentation: no machine has it.
    (["host": ["192.0.2.1"]], "can't listen on 192.0.2.1:0: this machine has no such address; correct host"),
    (["models-path": ["/dev/null"]], "models-path is /dev/null, which is no folder"),
    (
      ["tls": ["true"], "tls-cert": ["/nonexistent.pem"], "tls-key": ["/nonexistent.key"]],
      "/nonexistent.pem can't be read: No such file or directory"
    ),
  ]) func `A daemon that can't start says why`(flags: [String: [String]], words: String) async throws {
    try await withTemporaryFolder { folder in
      let own = ["port": ["0"], "tls-port": ["0"], "models-path": [folder.appending("models").string]]
      let configuration = try DaemonConfiguration.load(
        flags: own.merging(flags) { $1 }, environment: ["PETREL_HOME": folder.string], userHome: folder,
        workingDirectory: folder, processors: 2)
      let daemon = Daemon(configuration, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
      let error = await #expect(throws: DaemonError.self) {
        try await daemon.run { _ in
        } until: {
        }
      }
      #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import Subprocess
import SystemPackage
import Testing

/// Debian's docker-registry on a free port, with its storage in a scratch folder.
struct ContainerRegistry: Sendable {
  /// What ``withPassword`` asks for.
  static let user = "tester"
  static let password = "tester-secret"
  private static let passwordHash = "$2y$05$abcdefghijklmnopqrstuuYgJ9TJWyxGq/FdLRz1cR365zcssG3ri"

  /// `127.0.0.1:<port>`.
  let host: String

  /// - Parameter withPassword: lets in only ``user`` with ``password``.
  static func with<Result: Sendable>(
    in scratch: Scratch, withPassword: Bool = false, _ body: @Sendable (ContainerRegistry) async throws -> Result
  ) async throws -> Result {
    var configuration = """
      version: 0.1
      log: {level: info, accesslog: {disabled: true}}
      storage: {filesystem: {rootdirectory: \(scratch.folder)/registry}}
      http: {addr: "127.0.0.1:0", secret: tests}

      """
    if withPassword {
      let file = try scratch.write("\(user):\(passwordHash)\n", to: "htpasswd")
      configuration += "auth: {htpasswd: {realm: tests, path: \(file)}}\n"
    }
    let file = try scratch.write(configuration, to: "registry.yml")
    let (result, _) = try await Program.withService(
      "docker-registry", ["serve", file.string], environment: scratch.environment,
      log: scratch.folder.appending("registry.log"), stop: { Processes.send(.kill, to: $0) }
    ) { _ in
      let mark = "listening on "
      let host = try await eventually("docker-registry says its port") {
        let log = scratch.read("registry.log")
        return log.firstRange(of: mark).map { log[$0.upperBound...].prefix { !$0.isWhitespace && $0 != "\"" } }
      }
      return try await body(ContainerRegistry(host: String(host)))
    }
    return result
  }
}

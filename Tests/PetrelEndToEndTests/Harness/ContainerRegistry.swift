// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
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

  /// Its port.
  var port: Int { host.split(separator: ":").last.flatMap { Int($0) } ?? 0 }

  /// - Parameters:
  ///   - folder: within the scratch folder; each registry needs its own.
  ///   - withPassword: lets in only ``user`` with ``password``.
  ///   - certificates: to speak TLS with.
  ///   - tokens: lets in only who has a token of this server, which must use the same certificate.
  static func with<Result: Sendable>(
    in scratch: Scratch, folder: String = "registry", withPassword: Bool = false, certificates: Certificates? = nil,
    tokens: (server: TokenServer, certificate: FilePath)? = nil,
    _ body: @Sendable (ContainerRegistry) async throws -> Result
  ) async throws -> Result {
    let tls = certificates.map { ", tls: {certificate: \($0.certificate), key: \($0.key)}" } ?? ""
    var configuration = """
      version: 0.1
      log: {level: info, accesslog: {disabled: true}}
      storage: {filesystem: {rootdirectory: \(scratch.folder)/\(folder)}}
      http: {addr: "127.0.0.1:0", secret: tests\(tls)}

      """
    if let tokens {
      configuration += """
        auth:
          token:
            realm: \(tokens.server.realm)
            service: \(TokenServer.service)
            issuer: \(TokenServer.issuer)
            rootcertbundle: \(tokens.certificate)

        """
    }
    if withPassword {
      let file = try scratch.write("\(user):\(passwordHash)\n", to: "htpasswd")
      configuration += "auth: {htpasswd: {realm: tests, path: \(file)}}\n"
    }
    let file = try scratch.write(configuration, to: "\(folder).yml")
    let (result, _) = try await Program.withService(
      "docker-registry", ["serve", file.string], environment: scratch.environment,
      log: scratch.folder.appending("\(folder).log"), stop: { Processes.send(.kill, to: $0) }
    ) { _ in
      let mark = "listening on "
      let host = try await eventually("docker-registry says its port") {
        let log = scratch.read("\(folder).log")
        return log.firstRange(of: mark).map { log[$0.upperBound...].prefix { !$0.isWhitespace && !"\",".contains($0) } }
      }
      return try await body(ContainerRegistry(host: String(host)))
    }
    return result
  }
}

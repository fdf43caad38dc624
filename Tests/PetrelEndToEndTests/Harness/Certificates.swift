// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing

/// Certificates made with openssl in a scratch folder.
struct Certificates: Sendable {
  let authority: FilePath
  /// Of a server on 127.0.0.1, or with the name of ``name``.
  let certificate: FilePath
  let key: FilePath

  static let name = "registry.petrel.test"

  init(in scratch: Scratch, folder: String = "tls") async throws {
    let root = scratch.folder.appending(folder)
    func openssl(_ arguments: String...) async throws {
      let result = try await scratch.run("openssl", arguments)
      try #require(result.status == 0, "\(result.errors)")
    }
    let extensions = try scratch.write("subjectAltName=IP:127.0.0.1,DNS:\(Self.name)\n", to: "\(folder)/extensions")
    let names = ["ca.crt", "ca.key", "server.csr", "server.key", "server.crt"].map { root.appending($0).string }
    let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    try await openssl(
      "req", "-x509", newKey[0], newKey[1], newKey[2], newKey[3], newKey[4], "-keyout", names[1], "-out", names[0],
      "-days", "2", "-subj", "/CN=Petrel tests \(folder)")
    try await openssl(
      "req", newKey[0], newKey[1], newKey[2], newKey[3], newKey[4], "-keyout", names[3], "-out", names[2], "-subj",
      "/CN=registry")
    try await openssl(
      "x509", "-req", "-in", names[2], "-CA", names[0], "-CAkey", names[1], "-CAcreateserial", "-days", "2", "-extfile",
      extensions.string, "-out", names[4])
    authority = FilePath(names[0])
    key = FilePath(names[3])
    certificate = FilePath(names[4])
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelTLS
import PetrelTestSupport
import SystemPackage
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct LocalAuthorityTests {
  private let now = Date(timeIntervalSince1970: 1_800_000_000)
  private let day = 24 * 3600.0

  @Test func `Certificates are made once, for nobody else to read the keys`() async throws {
    try await withTemporaryFolder { folder in
      let authority = LocalAuthority(folder: folder.appending("certs"))
      #expect(try authority.ensureCertificates(now: now))
      let certificate = try contents(authority.serverCertificate)
      #expect(try !authority.ensureCertificates(now: now.addingTimeInterval(300 * day)))
      #expect(try contents(authority.serverCertificate) == certificate)
      for (name, mode) in [
        ("ca.crt", CInterop.Mode(0o644)), ("ca.key", 0o600), ("server.crt", 0o644), ("server.key", 0o600),
      ] {
        let path = folder.appending("certs").appending(name)
        #expect(try path.stat().permissions.rawValue & 0o777 == mode, "\(name)")
      }
    }
  }

  @Test func `A certificate that ends within a month is replaced`() async throws {
    try await withTemporaryFolder { folder in
      let authority = LocalAuthority(folder: folder)
      try authority.ensureCertificates(now: now)
      let certificate = try contents(authority.serverCertificate)
      #expect(try authority.ensureCertificates(now: now.addingTimeInterval(336 * day)))
      #expect(try contents(authority.serverCertificate) != certificate)
    }
  }

  @Test(arguments: ["ca.crt", "ca.key", "server.crt", "server.key"])
  func `A file that is missing, broken or of another making has all made anew`(name: String) async throws {
    try await withTemporaryFolder { folder in
      let authority = LocalAuthority(folder: folder)
      let path = folder.appending(name)
      try authority.ensureCertificates(now: now)
      try FileManager.default.removeItem(atPath: path.string)
      #expect(try authority.ensureCertificates(now: now))

      guard name != "ca.key" else { return }
      try path.write("no PEM")
      #expect(try authority.ensureCertificates(now: now))

      let other = LocalAuthority(folder: folder.appending("other"))
      try other.ensureCertificates(now: now)
      try path.write(try contents(folder.appending("other").appending(name)))
      #expect(try authority.ensureCertificates(now: now))
      _ = try ServerTLS.context(certificate: authority.serverCertificate, key: authority.serverKey)
    }
  }

  @Test func `Files that do not fit are refused by name`() async throws {
    try await withTemporaryFolder { folder in
      let authority = LocalAuthority(folder: folder.appending("a"))
      try authority.ensureCertificates(now: now)
      let other = LocalAuthority(folder: folder.appending("b"))
      try other.ensureCertificates(now: now)
      let missing = folder.appending("none.pem")
      func message(_ certificate: FilePath, _ key: FilePath) -> String? {
        #expect(throws: TLSError.self) { try ServerTLS.context(certificate: certificate, key: key) }?.message
      }
      #expect(message(missing, authority.serverKey)?.contains("none.pem can't be read") == true)
      #expect(message(authority.serverCertificate, missing)?.contains("none.pem can't be read") == true)
      #expect(message(authority.serverCertificate, authority.serverCertificate)?.contains("private key") == true)
      #expect(message(authority.serverCertificate, other.serverKey)?.contains("is not the key") == true)
    }
  }

  private func contents(_ path: FilePath) throws -> String {
    try String(contentsOf: URL(filePath: path.string), encoding: .utf8)
  }
}

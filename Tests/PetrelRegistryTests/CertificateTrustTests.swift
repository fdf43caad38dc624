// SPDX-License-Identifier: Apache-2.0

import NIOSSL
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelRegistry

@Suite struct CertificateTrustTests {
  /// An authority's; nobody has its key.
  private static let certificate = """
    -----BEGIN CERTIFICATE-----
    MIIBgzCCASmgAwIBAgIUJ93rwb/D4vupzmwCScY4WAJdexwwCgYIKoZIzj0EAwIw
    FzEVMBMGA1UEAwwMUGV0cmVsIHRlc3RzMB4XDTI2MTEyMTEzMzA0N1oXDTM2MTEx
    ODEzMzA0N1owFzEVMBMGA1UEAwwMUGV0cmVsIHRlc3RzMFkwEwYHKoZIzj0CAQYI
    KoZIzj0DAQcDQgAE1DEd2jaaGCWzwpXS5i3ogG0IyMTaYVjRv4TIsHaiOAmiGVrz
    y6BtLlCUNcGyz05wRPEYHt0xFL3F+n5l6I64BaNTMFEwHQYDVR0OBBYEFOJQs+Jb
    k0+/d/dpmfo3QfXvLjCuMB8GA1UdIwQYMBaAFOJQs+Jbk0+/d/dpmfo3QfXvLjCu
    MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAIoagTPiIrFSS91+
    9/gb5Jq/YIOB/5RogA7ADY/Anm2PAiBbfNJXWKMFAXfU7qVk61tE1G68tGSvBP4a
    RRU3uuY66w==
    -----END CERTIFICATE-----
    """

  @Test func nothingOfItsOwnMeansNothingSpecial() async throws {
    try await withTemporaryFolder { folder in
      let trust = CertificateTrust(hostFolders: [folder, folder.appending("none")])
      let found = [try trust.common(), try trust.configuration(for: "registry.lan")]
      #expect(found.allSatisfy { $0 == nil })
      #expect(!trust.knows("registry.lan"))
    }
  }

  @Test func hostsHaveFoldersOfTheirOwn() async throws {
    try await withTemporaryFolder { folder in
      let bundle = folder.appending("bundle.pem")
      try bundle.write(Self.certificate + "\n" + Self.certificate)
      try folder.appending("certs.d/registry.lan:5000/ca.crt").write(Self.certificate)
      try folder.appending("certs.d/registry.lan:5000/README").write("no certificate")
      let trust = CertificateTrust(additional: bundle, hostFolders: [folder.appending("certs.d")])
      #expect(try trust.common()?.additionalTrustRoots.count == 1)
      let own = try #require(try trust.configuration(for: "registry.lan:5000"))
      #expect(own.additionalTrustRoots.count == 2)
      #expect(own.certificateChain.isEmpty)
      #expect(trust.knows("registry.lan:5000"))
      #expect(!trust.knows("registry.lan"))
      #expect(!trust.knows("../certs.d"))
      // Somebody puts the folder there while the daemon runs.
      try folder.appending("certs.d/late.lan/ca.crt").write(Self.certificate)
      #expect(try trust.configuration(for: "late.lan") != nil)
    }
  }

  @Test(arguments: ["ca.crt", "client.cert"])
  func saysWhichFileCannotBeUsed(_ name: String) async throws {
    try await withTemporaryFolder { folder in
      try folder.appending("registry.lan/\(name)").write("-----BEGIN CERTIFICATE-----\nnonsense\n")
      let trust = CertificateTrust(hostFolders: [folder])
      let error = await expectRegistryError(.invalidCertificates) { try trust.configuration(for: "registry.lan") }
      #expect(error?.message.contains("registry.lan/\(name)") == true)
    }
  }

  @Test func clientCertificatesNeedTheirKey() async throws {
    try await withTemporaryFolder { folder in
      try folder.appending("registry.lan/client.cert").write(Self.certificate)
      let trust = CertificateTrust(hostFolders: [folder])
      let error = await expectRegistryError(.invalidCertificates) { try trust.configuration(for: "registry.lan") }
      #expect(error?.message.contains("client.key") == true)
    }
  }

  @Test func filesForAllHostsMustBeThere() throws {
    #expect(throws: RegistryError.self) { try CertificateTrust(additional: "/nowhere.pem").common() }
    #expect(throws: RegistryError.self) { try CertificateTrust(roots: "/nowhere.pem").common() }
  }
}

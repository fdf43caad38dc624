// SPDX-License-Identifier: Apache-2.0

import Crypto
import SwiftASN1
import SystemPackage
import X509

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A certificate authority of this machine alone, and a server certificate from it: what TLS uses when nobody gives it
/// a certificate. Clients trust it by its `ca.crt`.
///
/// The folder (mode 0700) holds `ca.crt`, `ca.key`, `server.crt` and `server.key`, all PEM, the keys with mode 0600:
/// ECDSA P-256, as Docker Model Runner makes them.
package struct LocalAuthority: Sendable {
  private static let day = 24 * 3600.0
  private static let authorityLifetime = 3650 * day
  private static let serverLifetime = 365 * day
  /// A server certificate that ends sooner is replaced.
  private static let renewalMargin = 30 * day
  /// For clocks that are behind.
  private static let backdating = 3600.0

  private let folder: FilePath

  package init(folder: FilePath) { self.folder = folder }

  package var authorityCertificate: FilePath { folder.appending("ca.crt") }
  package var serverCertificate: FilePath { folder.appending("server.crt") }
  package var serverKey: FilePath { folder.appending("server.key") }
  private var authorityKey: FilePath { folder.appending("ca.key") }

  /// Makes new certificates unless those in the folder belong together and last for a month at least.
  ///
  /// - Returns: whether they are new.
  @discardableResult
  package func ensureCertificates(now: Date) throws(TLSError) -> Bool {
    guard !isUsable(now: now) else { return false }
    do {
      try makeCertificates(now: now)
    } catch {
      throw TLSError("no certificate could be made in \(folder): \(error)")
    }
    return true
  }

  private func isUsable(now: Date) -> Bool {
    guard let authority = certificate(authorityCertificate), let server = certificate(serverCertificate),
      let key = text(serverKey).flatMap({ try? P256.Signing.PrivateKey(pemRepresentation: $0) }),
      text(authorityKey) != nil
    else { return false }
    return authority.publicKey.isValidSignature(server.signature, for: server)
      && server.publicKey == Certificate.PublicKey(key.publicKey)
      && server.notValidBefore <= now && server.notValidAfter > now.addingTimeInterval(Self.renewalMargin)
      && authority.notValidAfter > server.notValidAfter
  }

  private func makeCertificates(now: Date) throws {
    let start = now.addingTimeInterval(-Self.backdating)
    let authorityKey = P256.Signing.PrivateKey()
    let authorityName = try name(unit: "Self-Signed CA", common: "Petrel CA")
    let authority = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: Certificate.PublicKey(authorityKey.publicKey),
      notValidBefore: start, notValidAfter: now.addingTimeInterval(Self.authorityLifetime), issuer: authorityName,
      subject: authorityName, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(keyCertSign: true, cRLSign: true))
        SubjectKeyIdentifier(hash: Certificate.PublicKey(authorityKey.publicKey))
      }, issuerPrivateKey: Certificate.PrivateKey(authorityKey))
    let serverKey = P256.Signing.PrivateKey()
    let server = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: Certificate.PublicKey(serverKey.publicKey),
      notValidBefore: start, notValidAfter: now.addingTimeInterval(Self.serverLifetime), issuer: authorityName,
      subject: try name(unit: "Server", common: "localhost"), signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth])
        SubjectAlternativeNames(Self.names)
      }, issuerPrivateKey: Certificate.PrivateKey(authorityKey))

    try FileManager.default.createDirectory(
      atPath: folder.string, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    // Files that a crash leaves from two makings do not belong together, and are made anew.
    try write(authorityKey.pemRepresentation, to: self.authorityKey, mode: 0o600)
    try write(serverKey.pemRepresentation, to: self.serverKey, mode: 0o600)
    try write(try authority.serializeAsPEM().pemString, to: authorityCertificate, mode: 0o644)
    try write(try server.serializeAsPEM().pemString, to: serverCertificate, mode: 0o644)
  }

  /// What clients on this machine and in containers call it.
  private static let names: [GeneralName] =
    ["localhost", "docker-model-runner", "model-runner.docker.internal", "host.docker.internal"].map { .dnsName($0) }
    + [[127, 0, 0, 1], [0, 0, 0, 0], [UInt8](repeating: 0, count: 15) + [1], [UInt8](repeating: 0, count: 16)].map {
      .ipAddress(ASN1OctetString(contentBytes: $0[...]))
    }

  private func name(unit: String, common: String) throws -> DistinguishedName {
    try DistinguishedName {
      OrganizationName("Petrel")
      OrganizationalUnitName(unit)
      CommonName(common)
    }
  }

  private func certificate(_ path: FilePath) -> Certificate? {
    text(path).flatMap { try? Certificate(pemEncoded: $0) }
  }

  private func text(_ path: FilePath) -> String? {
    FileManager.default.contents(atPath: path.string).map { String(decoding: $0, as: UTF8.self) }
  }

  private func write(_ text: String, to path: FilePath, mode: Int) throws {
    try Data((text + "\n").utf8).write(to: URL(filePath: path.string), options: .atomic)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path.string)
  }
}

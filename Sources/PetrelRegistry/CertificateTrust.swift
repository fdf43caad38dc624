// SPDX-License-Identifier: Apache-2.0

import NIOSSL
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Whose certificates are trusted, and which ones are shown to registries that ask.
package struct CertificateTrust: Sendable {
  /// A PEM file, or a folder of such, that is trusted instead of what the system trusts. Nil: the system's.
  package var roots: FilePath?
  /// A PEM file that is trusted as well.
  package var additional: FilePath?
  /// Folders as Docker has them in `/etc/docker/certs.d`: in `<host>` or `<host>:<port>` there may be `*.crt` files,
  /// trusted for this registry as well, and client certificates `*.cert` with their keys `*.key`. Files are read for
  /// each request, so that changes take effect while the daemon runs.
  package var hostFolders: [FilePath]

  package init(roots: FilePath? = nil, additional: FilePath? = nil, hostFolders: [FilePath] = []) {
    self.roots = roots
    self.additional = additional
    self.hostFolders = hostFolders
  }

  /// What holds for all hosts; nil when that is nothing but what the system trusts.
  ///
  /// - Throws: ``RegistryError`` `invalidCertificates` when a file cannot be read.
  func common() throws(RegistryError) -> TLSConfiguration? {
    guard roots != nil || additional != nil else { return nil }
    var configuration = TLSConfiguration.makeClientConfiguration()
    if let roots {
      guard FileManager.default.isReadableFile(atPath: roots.string) else { throw unreadable(roots) }
      configuration.trustRoots = .file(roots.string)
    }
    if let additional { configuration.additionalTrustRoots.append(.certificates(try certificates(in: additional))) }
    return configuration
  }

  /// What holds for one host, the common part included; nil when it has nothing of its own.
  ///
  /// - Parameter authority: host, with port when one is given.
  func configuration(for authority: String) throws(RegistryError) -> TLSConfiguration? {
    let folders = ownFolders(authority)
    guard !folders.isEmpty else { return nil }
    var configuration = try common() ?? .makeClientConfiguration()
    for folder in folders {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.string))?.sorted() ?? []
      for name in names where name.hasSuffix(".crt") {
        configuration.additionalTrustRoots.append(.certificates(try certificates(in: folder.appending(name))))
      }
      // One pair is shown; a server that asks wants one, and says not which.
      guard let name = names.first(where: { $0.hasSuffix(".cert") }), configuration.certificateChain.isEmpty else {
        continue
      }
      configuration.certificateChain = try certificates(in: folder.appending(name)).map { .certificate($0) }
      let key = folder.appending(String(name.dropLast(5)) + ".key")
      guard let privateKey = try? NIOSSLPrivateKey(file: key.string, format: .pem) else { throw unreadable(key) }
      configuration.privateKey = .privateKey(privateKey)
    }
    return configuration
  }

  /// Whether somebody has put certificates for this host into a folder: then it speaks TLS.
  package func knows(_ authority: String) -> Bool { !ownFolders(authority).isEmpty }

  private func ownFolders(_ authority: String) -> [FilePath] {
    guard !hostFolders.isEmpty, !authority.contains("/"), !authority.hasPrefix(".") else { return [] }
    return hostFolders.map { $0.appending(authority) }.filter { FileManager.default.fileExists(atPath: $0.string) }
  }

  private func certificates(in file: FilePath) throws(RegistryError) -> [NIOSSLCertificate] {
    guard let found = try? NIOSSLCertificate.fromPEMFile(file.string), !found.isEmpty else { throw unreadable(file) }
    return found
  }

  private func unreadable(_ file: FilePath) -> RegistryError {
    RegistryError(
      .invalidCertificates, "\(file) cannot be used: it must be a readable PEM file; correct or remove it")
  }
}

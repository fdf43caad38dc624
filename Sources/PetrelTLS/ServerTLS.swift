// SPDX-License-Identifier: Apache-2.0

import NIOSSL
import SystemPackage

/// What a listener needs to speak TLS: 1.2 or later, HTTP/1.1, no client certificates.
package enum ServerTLS {
  /// - Parameters:
  ///   - certificate: PEM; the server's certificate first, then those between it and its authority.
  ///   - key: PEM, not encrypted.
  package static func context(certificate: FilePath, key: FilePath) throws(TLSError) -> NIOSSLContext {
    for file in [certificate, key] { try requireReadable(file) }
    let chain: [NIOSSLCertificate]
    do {
      chain = try NIOSSLCertificate.fromPEMFile(certificate.string)
    } catch {
      throw TLSError("\(certificate) holds no PEM certificate that can be read")
    }
    guard !chain.isEmpty else { throw TLSError("\(certificate) holds no PEM certificate") }
    let privateKey: NIOSSLPrivateKey
    do {
      privateKey = try NIOSSLPrivateKey(file: key.string, format: .pem)
    } catch {
      throw TLSError("\(key) holds no PEM private key without a passphrase")
    }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw TLSError("\(key) is not the key of the certificate in \(certificate): \(error)")
    }
  }

  private static func requireReadable(_ path: FilePath) throws(TLSError) {
    do {
      try SystemPackage.FileDescriptor.open(path, .readOnly, options: .closeOnExec).close()
    } catch {
      throw TLSError("\(path) can't be read: \(error)")
    }
  }
}

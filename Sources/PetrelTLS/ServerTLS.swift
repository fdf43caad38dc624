// SPDX-License-Identifier: Apache-2.0

import NIOSSL
import SystemPackage

/// What a listener needs to speak TLS: 1.2 or later, HTTP/1.1, no client certificates.
package enum ServerTLS {
  /// - Parameters:
  ///   - certificate: PEM; the server's certificate first, then those between it and its authority.
  ///   - key: PEM, not encrypted.
  package static func context(certificate: FilePath, key: FilePath) throws(TLSError) -> NIOSSLContext {
    let chain: [NIOSSLCertificate]
    do {
      chain = try NIOSSLCertificate.fromPEMFile(certificate.string)
    } catch {
      throw TLSError("\(certificate) can't be read as a PEM certificate: \(error)")
    }
    guard !chain.isEmpty else { throw TLSError("\(certificate) holds no PEM certificate") }
    let privateKey: NIOSSLPrivateKey
    do {
      privateKey = try NIOSSLPrivateKey(file: key.string, format: .pem)
    } catch {
      throw TLSError("\(key) can't be read as a PEM private key without a passphrase: \(error)")
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
}

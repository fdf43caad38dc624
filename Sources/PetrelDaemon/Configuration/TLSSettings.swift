// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// How the daemon speaks TLS, beside plain HTTP.
package struct TLSSettings: Hashable, Sendable {
  package enum Certificate: Hashable, Sendable {
    /// PEM files.
    case files(certificate: FilePath, key: FilePath)
    /// Made by Petrel in this folder.
    case automatic(FilePath)
  }

  /// On every host that plain HTTP listens on; 0 lets the system choose.
  package let port: Int
  package let certificate: Certificate

  /// Nil when TLS is off.
  init?(
    isEnabled: Bool, port: Int, certificate: FilePath?, key: FilePath?, mayMakeCertificate: Bool, folder: FilePath
  ) throws(ConfigurationError) {
    guard isEnabled else { return nil }
    self.port = port
    switch (certificate, key) {
    case (let certificate?, let key?): self.certificate = .files(certificate: certificate, key: key)
    case (nil, nil) where mayMakeCertificate: self.certificate = .automatic(folder)
    case (nil, nil):
      throw ConfigurationError(
        message: "TLS enabled but no certificate provided and auto-cert is disabled; set tls-cert and tls-key")
    default:
      throw ConfigurationError(message: "tls-cert and tls-key must be given together, or neither of them")
    }
  }
}

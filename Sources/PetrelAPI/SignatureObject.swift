// SPDX-License-Identifier: Apache-2.0

/// A signature in the body of `POST /models/{name}/push`. Private keys stay with the client.
package struct SignatureObject: Codable, Sendable, Hashable {
  /// What is signed, in base64.
  package var payload: String
  /// An `ECDSA-Sig-Value` in DER, in base64.
  package var signature: String
  /// The public key, in PEM.
  package var key: String

  package init(payload: String, signature: String, key: String) {
    self.payload = payload
    self.signature = signature
    self.key = key
  }
}

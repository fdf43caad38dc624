// SPDX-License-Identifier: Apache-2.0

/// Why a registry did not do what it was asked.
///
/// Messages never quote what a server sent.
package struct RegistryError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable, Hashable {
    /// The repository, the manifest or the blob does not exist.
    case notFound
    /// Credentials are missing or were refused.
    case unauthorized
    /// The credentials are good but do not allow this.
    case denied
    /// An answer that the distribution specification does not allow here.
    case invalidResponse
    /// The registry cannot do this, or the artifact is not one that Petrel reads.
    case unsupported
    case digestMismatch
    /// More bytes than the limit, or than announced.
    case tooLarge
    /// 429.
    case rateLimited
    /// 408 or 5xx.
    case unavailable
    /// No connection, or it broke.
    case connection
    /// The connection is open but nothing moves.
    case stalled
    /// A body that ended early.
    case truncated
    /// 416: the offset lies at or beyond the blob's end.
    case rangeNotSatisfiable
    /// Another part of a blob than the one asked for, or one of another blob.
    case wrongRange
    /// The storage host that the registry redirected to refuses; its URLs are good for a while only.
    case expired
    /// The registry asked for credentials to be sent to a place where they must not go.
    case refusedRealm
    /// A redirect that must not be followed.
    case refusedRedirect
    /// The Docker configuration file cannot be read.
    case invalidCredentialsFile
    /// A file with certificates or their key cannot be read.
    case invalidCertificates
    /// The server's certificate is not trusted, or TLS cannot be agreed on.
    case untrusted
    /// The proxy wants credentials, or others than it has got.
    case proxyRefused
  }

  package let code: Code
  /// A sentence for people.
  package let message: String
  /// How long the registry asked to be left alone.
  package let retryAfter: Duration?

  package init(_ code: Code, _ message: String, retryAfter: Duration? = nil) {
    self.code = code
    self.message = message
    self.retryAfter = retryAfter
  }

  /// Whether the same request may succeed a little later.
  package var isRetryable: Bool {
    switch code {
    case .rateLimited, .unavailable, .connection, .stalled, .truncated, .wrongRange, .expired: true
    case .notFound, .unauthorized, .denied, .invalidResponse, .unsupported, .digestMismatch, .tooLarge,
      .rangeNotSatisfiable, .refusedRealm, .refusedRedirect, .invalidCredentialsFile, .invalidCertificates, .untrusted,
      .proxyRefused:
      false
    }
  }

  package var description: String { message }
}

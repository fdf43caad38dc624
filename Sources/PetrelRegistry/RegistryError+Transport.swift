// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension RegistryError {
  /// What a failure below HTTP means.
  ///
  /// - Parameters:
  ///   - subject: what was asked for, for the message.
  ///   - hasHead: whether the response had begun, so that what failed is its body.
  init(transport error: any Error, subject: String, hasHead: Bool) {
    switch error {
    case let error as RegistryError:
      self = error
    case let error as HTTPClientError where error == .remoteConnectionClosed && hasHead:
      self.init(.truncated, "\(subject): the connection closed before the end")
    case let error as HTTPParserError where error == .invalidEOFState && hasHead:
      self.init(.truncated, "\(subject): the connection closed before the end")
    case let error as HTTPClientError where error == .proxyAuthenticationRequired:
      self.init(.proxyRefused, "\(subject): the proxy wants other credentials; correct the proxy's URL")
    case let error as HTTPClientError where error == .invalidProxyResponse:
      self.init(.connection, "\(subject): the proxy does not connect to the registry")
    case let error as HTTPClientError:
      self.init(.connection, "\(subject): \(error.shortDescription)")
    case NIOSSLError.handshakeFailed(.sslError(let stack)) where "\(stack)".contains("CERTIFICATE_VERIFY_FAILED"):
      self.init(
        .untrusted,
        "\(subject): the server's certificate is not signed by a trusted authority; put the authority's certificate "
          + "into certs.d/<registry>/ca.crt in Docker's folder, or name its file in the setting ca-bundle")
    case NIOSSLError.handshakeFailed(.sslError):
      self.init(
        .untrusted,
        "\(subject): no TLS connection; if the registry speaks plain HTTP, add it to the setting insecure-registries")
    case is NIOSSLExtraError:
      self.init(.untrusted, "\(subject): the server's certificate is for another host")
    case let error as NIOConnectionError:
      self.init(.connection, "\(subject): \(Self.reason(error))")
    case let error as IOError:
      self.init(.connection, "\(subject): \(Self.reason(error))")
    case is HTTPParserError:
      self.init(.invalidResponse, "\(subject): the answer is not HTTP")
    default:
      self.init(.connection, "\(subject): the connection failed (\(type(of: error)))")
    }
  }

  private static func reason(_ error: NIOConnectionError) -> String {
    if let first = error.connectionErrors.first {
      return "cannot connect to \(error.host):\(error.port): " + ((first.error as? IOError).map(reason) ?? "no answer")
    }
    return "cannot find the address of \(error.host)"
  }

  private static func reason(_ error: IOError) -> String {
    // The text that the system has for the error, "Connection refused".
    error.errnoCode == 0 ? "the connection failed" : String(cString: strerror(error.errnoCode))
  }
}

// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension DaemonClient {
  /// What an error of the HTTP library means to a person.
  func translate(_ error: any Error) -> any Error {
    let notRunning = ClientError(.notRunning, Self.notRunning(at: endpoint))
    switch error {
    case let error as HTTPClientError where error == .cancelled:
      return CancellationError()
    case let error as HTTPClientError where error == .remoteConnectionClosed:
      return ClientError(.connection, "the daemon at \(endpoint) was stopped, or has crashed, before it had answered")
    case let error as HTTPClientError:
      return ClientError(.connection, "cannot reach the daemon at \(endpoint): \(error.shortDescription)")
    case let error as NIOConnectionError where error.connectionErrors.isEmpty:
      return ClientError(.connection, "cannot reach the daemon at \(endpoint): no such host")
    case let error as NIOConnectionError where error.connectionErrors.allSatisfy({ Self.isRefusal($0.error) }):
      return notRunning
    case let error as NIOConnectionError:
      let reasons = error.connectionErrors.map { String(describing: $0.error) }.joined(separator: "; ")
      return ClientError(.connection, "cannot reach the daemon at \(endpoint): \(reasons)")
    case is NIOSSLError:
      return ClientError(
        .connection,
        "no secure connection to the daemon at \(endpoint): its certificate is not trusted, or it speaks no TLS; "
          + "MODEL_RUNNER_TLS_CA_CERT names the file of an authority to trust")
    case let error as IOError:
      if Self.isRefusal(error) { return notRunning }
      return ClientError(.connection, "the connection to the daemon at \(endpoint) failed: \(error)")
    case let error as HTTPParserError where error == .invalidEOFState:
      return ClientError(
        .connection, "the daemon at \(endpoint) was stopped, or has crashed, in the middle of its answer")
    case is HTTPParserError:
      return ClientError(.unexpectedAnswer, "what answers at \(endpoint) speaks no HTTP; is it a model runner?")
    case is ChannelError, is NIOTooManyBytesError:
      return ClientError(.connection, "the connection to the daemon at \(endpoint) failed: \(error)")
    default:
      return error
    }
  }

  /// Only a daemon of this machine can be started here.
  private static func notRunning(at endpoint: DaemonEndpoint) -> String {
    endpoint.isLocal
      ? "the petrel daemon is not running (nothing answers at \(endpoint)); start it with `petrel serve`"
      : "nothing answers at \(endpoint); start the daemon there, or correct MODEL_RUNNER_HOST"
  }

  private static func isRefusal(_ error: any Error) -> Bool {
    guard let error = error as? IOError else { return false }
    return error.errnoCode == ECONNREFUSED || error.errnoCode == ENOENT
  }
}

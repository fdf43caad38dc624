// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension RegistryTransport {
  /// Sends a request with a long body. There is no limit of time as long as bytes move.
  ///
  /// - Parameters:
  ///   - meter: counts the body.
  ///   - answerTimeout: after the last byte.
  func upload(
    _ request: HTTPClientRequest, to url: URL, reach: Reach, _ meter: UploadMeter, answerTimeout: Duration,
    subject: String
  ) async throws -> UploadAnswer {
    var request = request
    let (http, tls) = try connections.client(for: url, reach: reach)
    request.tlsConfiguration = tls
    do {
      return try await withThrowingTaskGroup(of: UploadAnswer.self) { [request, stallTimeout] group in
        group.addTask {
          // The meter watches over progress; this is only the outermost limit.
          let response = try await http.execute(request, timeout: .hours(7 * 24))
          let body = (try? await response.body.collect(upTo: 64 * 1024)) ?? ByteBuffer()
          var headers = response.headers
          let namer = namer(at: url, takingNoteFrom: &headers)
          return UploadAnswer(
            status: response.status, headers: headers, body: Array(body.readableBytesView), namer: namer)
        }
        group.addTask { throw try await meter.stall(after: stallTimeout, answerTimeout) }
        defer { group.cancelAll() }
        guard let answer = try await group.next() else { throw CancellationError() }
        return answer
      }
    } catch {
      try Task.checkCancellation()
      if let failure = meter.failure { throw failure }
      throw RegistryError(transport: error, subject: subject, hasHead: false)
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelHTTP

/// `GET /logs`: what the daemon and its engines have logged, by time.
package struct LogRoutes: Sendable {
  /// Opens the logs; the result gives the next lines each time, and nil at the end.
  package typealias Source = @Sendable (_ follow: Bool, _ withoutEngines: Bool) -> @Sendable () async -> [UInt8]?

  let open: Source

  func logs(_ head: RequestHead) -> Route {
    guard head.isRead else { return APIServer.wrongMethod("GET", head) }
    return .task(bodyLimit: APIServer.smallBody) { [open] head, _, writer in
      let next = open(
        try RequestDecoding.flag("follow", head), try RequestDecoding.flag("no-engines", head))
      try await writer.start(.ok, headers: ["Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-cache"])
      guard head.method != .HEAD else { return }
      while let lines = await next() { try await writer.write(ByteBuffer(bytes: lines)) }
    }
  }
}

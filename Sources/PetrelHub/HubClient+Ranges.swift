// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelRegistry

/// A part of a file on its way, not yet checked.
package struct HubRange: Sendable {
  /// Where the body lies in the file: within what was asked for, from its start on; or all of the file when the server
  /// does not serve ranges.
  package let range: Range<Int64>
  package let answer: WebAnswer

  /// The server took notice of the range.
  package var isPartial: Bool { answer.status == .partialContent }
  /// All bytes of `range`; ends with an error when some are missing.
  package var body: ResponseBody { answer.body(of: Int64(range.count)) }
}

extension HubClient {
  /// One attempt at a range of a file.
  ///
  /// - Parameters:
  ///   - range: not empty.
  ///   - route: of all requests for this file: where the hub redirected to, the next range comes from without asking it.
  ///   - isFresh: asks for bytes that no cache has kept and on a connection that is closed afterwards.
  package func open(
    _ range: Range<Int64>, of file: HubFile, in revision: HubRevision, via route: BlobRoute, isFresh: Bool,
    token: String?
  ) async throws -> HubRange {
    var headers = authorization(token)
    headers.add(name: "Range", value: "bytes=\(range.lowerBound)-\(range.upperBound - 1)")
    if isFresh {
      route.forget()
      headers.add(name: "Cache-Control", value: "no-cache")
      headers.add(name: "Connection", value: "close")
    }
    let subject = "\(file.path) in \(revision.repository)"
    let answer = try await web.get(try url(of: file, in: revision), headers: headers, via: route, subject: subject)
    switch answer.status {
    case .ok: return HubRange(range: 0..<file.size, answer: answer)
    case .partialContent:
      guard let sent = answer.range, sent.bytes.lowerBound == range.lowerBound,
        sent.bytes.upperBound <= range.upperBound, sent.total.map({ $0 == file.size }) ?? true
      else {
        await answer.discard()
        throw RegistryError(.wrongRange, "\(subject): the server sends another range than the one asked for")
      }
      return HubRange(range: sent.bytes, answer: answer)
    default: throw await refusal(answer, revision.repository, of: file.path, hasToken: token != nil)
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelHTTP

/// Which web pages may use the daemon. Programs send no `Origin`; browsers do, and a foreign page must not drive models.
///
/// Source: the CORS protocol of the Fetch standard.
struct OriginPolicy: Sendable {
  private static let loopbackHosts = ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"]

  /// Whole origins, or `*` for all.
  private let allowed: Set<String>

  /// - Parameter origins: as in `DMR_ORIGINS`, separated by commas.
  init(origins: String?) {
    allowed = Set(
      (origins ?? "").split(separator: ",").map { $0.filter { !$0.isWhitespace } }.filter { !$0.isEmpty })
  }

  /// What tells the browser that the page may read the answer.
  func headers(_ head: RequestHead) -> HTTPHeaders {
    guard let origin = head.headers.first(name: "Origin") else { return [:] }
    guard allows(head) else { return ["Vary": "Origin"] }
    return ["Access-Control-Allow-Origin": origin, "Vary": "Origin"]
  }

  /// The answer to a browser's question what the page may send; nil for any other request.
  func preflight(_ head: RequestHead) -> SimpleResponse? {
    guard head.method == .OPTIONS, head.headers.contains(name: "Origin") else { return nil }
    let asked = head.headers.first(name: "Access-Control-Request-Headers") ?? "*"
    return SimpleResponse(
      status: .noContent,
      headers: [
        "Access-Control-Allow-Credentials": "true", "Access-Control-Allow-Methods": "GET, HEAD, POST, DELETE",
        "Access-Control-Allow-Headers": asked,
      ])
  }

  /// Whether a request with this head may go on: it comes from no page, or from one of this machine or of the list.
  func allows(_ head: RequestHead) -> Bool {
    guard let origin = head.headers.first(name: "Origin") else { return true }
    if allowed.contains("*") || allowed.contains(origin) { return true }
    guard let scheme = ["http://", "https://"].first(where: origin.hasPrefix) else { return false }
    let host = origin.dropFirst(scheme.count)
    return Self.loopbackHosts.contains { name in
      guard host.hasPrefix(name) else { return false }
      let rest = host.dropFirst(name.count)
      return rest.isEmpty || (rest.first == ":" && UInt16(rest.dropFirst()) != nil)
    }
  }
}

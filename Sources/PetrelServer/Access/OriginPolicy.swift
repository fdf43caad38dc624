// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelHTTP

/// Which web pages may use the daemon. Programs send no `Origin`; browsers do, and a foreign page must not drive models.
///
/// Source: the CORS protocol of the Fetch standard, and Fetch Metadata Request Headers.
package struct OriginPolicy: Sendable {
  /// Pages of this machine, whatever their port.
  private static let builtIn = ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"].flatMap { host in
    ["http", "https"].compactMap { OriginPattern("\($0)://\(host):*") }
  }
  /// Answers may have these; a page gets to see no others but the simplest.
  private static let exposedHeaders = "Retry-After, X-Model-ID, X-Request-ID"

  private let listed: [OriginPattern]
  private let takesAll: Bool

  /// - Parameter takesAll: pages of all origins may; but the origin `null` has to be listed.
  package init(listed: [OriginPattern] = [], takesAll: Bool = false) {
    self.listed = listed
    self.takesAll = takesAll
  }

  /// Whether a request may go on: it comes from no page, from one of this machine or of the list, or from the daemon's
  /// own.
  func allows(_ marks: RequestMarks, _ head: RequestHead) -> Bool {
    if let origin = marks.origin {
      return takesAll && origin != "null" || isListed(origin) || isOwn(origin, host: head.authority ?? marks.host)
    }
    guard let site = marks.fetchSite, site == "cross-site" || site == "same-site" else { return true }
    // Without an origin the browser has not asked whether the page may do it. A link may be followed.
    guard head.isRead else { return false }
    return site == "same-site" || marks.fetchMode == "navigate"
  }

  /// What tells the browser that the page may read the answer.
  func headers(_ head: RequestHead) -> HTTPHeaders {
    guard let origin = head.headers.first(name: "Origin") else { return [:] }
    let host = head.authority ?? head.headers.first(name: "Host")
    let isNamed = isListed(origin) || isOwn(origin, host: host)
    guard isNamed || (takesAll && origin != "null") else { return ["Vary": "Origin"] }
    var headers: HTTPHeaders = [
      "Access-Control-Allow-Origin": origin, "Vary": "Origin", "Access-Control-Expose-Headers": Self.exposedHeaders,
    ]
    // Not for those that are let in only because all are.
    if isNamed { headers.add(name: "Access-Control-Allow-Credentials", value: "true") }
    return headers
  }

  /// The answer to a browser's question what the page may send; nil for any other request. Only for requests that are
  /// allowed. The headers of ``headers(_:)`` come to it.
  func preflight(_ head: RequestHead, _ marks: RequestMarks) -> SimpleResponse? {
    guard head.method == .OPTIONS, marks.origin != nil else { return nil }
    var headers: HTTPHeaders = [
      "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
      "Access-Control-Allow-Headers": head.headers.first(name: "Access-Control-Request-Headers") ?? "*",
      "Access-Control-Max-Age": "600",
      "Vary": "Access-Control-Request-Method, Access-Control-Request-Headers",
    ]
    if head.headers.first(name: "Access-Control-Request-Private-Network") == "true" {
      headers.add(name: "Access-Control-Allow-Private-Network", value: "true")
    }
    return SimpleResponse(status: .noContent, headers: headers)
  }

  private func isListed(_ origin: String) -> Bool {
    Self.builtIn.contains { $0.matches(origin) } || listed.contains { $0.matches(origin) }
  }

  /// Whether the page is the daemon's own. That its host is the daemon's has been checked.
  private func isOwn(_ origin: String, host: String?) -> Bool {
    guard let host, let mark = origin.firstRange(of: "://") else { return false }
    let scheme = origin[..<mark.lowerBound]
    return (scheme == "http" || scheme == "https") && origin[mark.upperBound...] == host
  }
}

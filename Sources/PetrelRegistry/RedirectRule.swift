// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How redirects of reads are followed. `Range` and all other headers go along; credentials do not leave their origin.
enum RedirectRule {
  static let maximumRedirects = 10

  static func isRedirect(_ status: HTTPResponseStatus) -> Bool {
    [301, 302, 303, 307, 308].contains(status.code)
  }

  /// The next request's URL and headers.
  ///
  /// Refused: no or an unusable `Location`, anything but HTTP, and a step from https to http.
  static func follow(
    location: String?, from url: URL, headers: HTTPHeaders
  ) throws(RegistryError) -> (url: URL, headers: HTTPHeaders) {
    let target = try resolve(location: location, from: url)
    var headers = headers
    if origin(of: target) != origin(of: url) { headers.remove(name: "Authorization") }
    return (target, headers)
  }

  /// The absolute URL that a `Location` header names.
  static func resolve(location: String?, from url: URL) throws(RegistryError) -> URL {
    guard let location, let target = URL(string: location, relativeTo: url)?.absoluteURL, let host = target.host,
      !host.isEmpty, let scheme = target.scheme?.lowercased(), scheme == "https" || scheme == "http"
    else {
      throw RegistryError(.refusedRedirect, "\(quoted(url.host ?? "")) redirects to a place that is not a URL")
    }
    guard scheme == "https" || url.scheme?.lowercased() != "https" else {
      throw RegistryError(.refusedRedirect, "\(quoted(url.host ?? "")) redirects from https to http; refused")
    }
    return target
  }

  /// Scheme, host and port.
  static func origin(of url: URL) -> [String] {
    let scheme = url.scheme?.lowercased() ?? ""
    return [scheme, url.host?.lowercased() ?? "", String(url.port ?? (scheme == "https" ? 443 : 80))]
  }
}

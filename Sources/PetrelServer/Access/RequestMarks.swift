// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelHTTP

/// The headers by which it is decided whether a request may go on, found in one pass.
struct RequestMarks {
  private(set) var host: String?
  /// A request must have one, no more.
  private(set) var hosts = 0
  private(set) var origin: String?
  private(set) var fetchSite: String?
  private(set) var fetchMode: String?
  private(set) var contentEncoding: String?
  private(set) var authorization: String?
  private(set) var apiKey: String?

  init(_ headers: HTTPHeaders) {
    for (name, value) in headers {
      switch name.utf8.count {
      case 4 where Self.equal(name, "host"):
        host = value
        hosts += 1
      case 6 where Self.equal(name, "origin"): origin = value
      case 9 where Self.equal(name, "x-api-key"): apiKey = value
      case 13 where Self.equal(name, "authorization"): authorization = value
      case 14 where Self.equal(name, "sec-fetch-site"): fetchSite = value
      case 14 where Self.equal(name, "sec-fetch-mode"): fetchMode = value
      case 16 where Self.equal(name, "content-encoding"): contentEncoding = value
      default: break
      }
    }
  }

  /// The secret of a key: after `Bearer`, or as Anthropic's clients send it. Nil when there is none.
  var secret: String? {
    if let authorization {
      let parts = authorization.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
      if parts.count == 2, Self.equal(String(parts[0]), "bearer") {
        return String(parts[1].drop { $0 == " " })
      }
    }
    return apiKey
  }

  /// - Parameter lowercase: of the same length.
  private static func equal(_ name: String, _ lowercase: StaticString) -> Bool {
    var index = lowercase.utf8Start
    for byte in name.utf8 {
      let folded = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
      if folded != index.pointee { return false }
      index += 1
    }
    return true
  }
}

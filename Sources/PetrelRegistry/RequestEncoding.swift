// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Source: RFC 7617.
enum BasicAuth {
  static func header(user: String, password: String) -> String {
    "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
  }
}

/// Query strings and forms in which everything but unreserved characters is escaped, `+` included.
enum FormEncoding {
  static func encode(_ fields: [URLQueryItem]) -> String {
    fields.map { escaped($0.name) + "=" + escaped($0.value ?? "") }.joined(separator: "&")
  }

  static func escaped(_ text: String) -> String {
    text.utf8.map { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
        String(UnicodeScalar(byte))
      default:
        "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// An IPv4 or IPv6 address, as a number.
package struct IPAddress: Hashable, Sendable {
  /// 4 or 16. IPv4 inside IPv6 counts as IPv4.
  private let bytes: [UInt8]

  /// Nil when the text is no address. Brackets are not part of it.
  package init?(_ text: String) {
    // Names are the common case; none of an address's first letters is beyond `f`.
    guard let first = text.utf8.first, first <= UInt8(ascii: "f") else { return nil }
    var buffer = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET, text, &buffer) == 1 {
      bytes = Array(buffer.prefix(4))
    } else if inet_pton(AF_INET6, text, &buffer) == 1 {
      let isMapped = buffer.prefix(10).allSatisfy { $0 == 0 } && buffer[10] == 0xFF && buffer[11] == 0xFF
      bytes = isMapped ? Array(buffer[12...]) : buffer
    } else {
      return nil
    }
  }

  /// Nil for the address of a Unix socket.
  package init?(_ address: SocketAddress) {
    // Behind a percent sign stands the interface of a link-local address.
    guard let text = address.ipAddress else { return nil }
    self.init(String(text.prefix { $0 != "%" }))
  }

  package var isLoopback: Bool {
    bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
  }

  /// `0.0.0.0` or `::`, which stand for all addresses of the machine.
  package var isUnspecified: Bool { bytes.allSatisfy { $0 == 0 } }

  /// Of a network of one's own: RFC 1918, RFC 4193, and link-local ones.
  package var isPrivate: Bool {
    switch (bytes[0], bytes[1]) {
    case (10, _) where bytes.count == 4, (172, 16...31) where bytes.count == 4, (192, 168) where bytes.count == 4,
      (169, 254) where bytes.count == 4:
      true
    case (0xFC...0xFD, _) where bytes.count == 16, (0xFE, 0x80...0xBF) where bytes.count == 16: true
    default: false
    }
  }
}

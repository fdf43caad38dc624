// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One entry of `NO_PROXY`: hosts that are spoken to directly.
///
/// The rules are those of Go's `net/http`, which Docker's programs follow: a name means itself and all names below it,
/// `.name` and `*.name` only those below, an address itself, `address/bits` a network, `*` everything. Names and
/// addresses may be followed by a port.
package struct ProxyException: Sendable, Hashable {
  private enum Pattern: Sendable, Hashable {
    case everything
    case network([UInt8], bits: Int)
    case name(String)
    case namesBelow(String)
  }

  private let pattern: Pattern
  private let port: Int?

  /// Nil when `text` is empty or cannot be read.
  package init?(parsing text: String) {
    var rest = text.filter { !$0.isWhitespace }.lowercased()
    guard !rest.isEmpty else { return nil }
    if rest == "*" {
      (pattern, port) = (.everything, nil)
      return
    }
    if let slash = rest.firstIndex(of: "/") {
      guard let address = NetworkScope.bytes(of: String(rest[..<slash])),
        let bits = Int(rest[rest.index(after: slash)...]), (0...address.count * 8).contains(bits)
      else { return nil }
      (pattern, port) = (.network(address, bits: bits), nil)
      return
    }
    var port: Int?
    if NetworkScope.bytes(of: rest) == nil, let colon = rest.lastIndex(of: ":"),
      let number = UInt16(rest[rest.index(after: colon)...])
    {
      port = Int(number)
      rest = String(rest[..<colon])
    }
    self.port = port
    if let address = NetworkScope.bytes(of: rest) {
      pattern = .network(address, bits: address.count * 8)
    } else if rest.hasPrefix("*.") {
      pattern = .namesBelow(String(rest.dropFirst()))
    } else if rest.hasPrefix(".") {
      pattern = .namesBelow(rest)
    } else {
      pattern = .name(rest)
    }
  }

  /// - Parameter host: a name, or an address without brackets; lower-case, without a dot at its end.
  func covers(_ host: String, port: Int) -> Bool {
    if let own = self.port, own != port { return false }
    switch pattern {
    case .everything: return true
    case .name(let name): return host == name || host.hasSuffix("." + name)
    case .namesBelow(let suffix): return host.hasSuffix(suffix)
    case .network(let network, let bits):
      guard let address = NetworkScope.bytes(of: host), address.count == network.count else { return false }
      return (0..<bits).allSatisfy { bit in
        (address[bit / 8] ^ network[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
      }
    }
  }
}

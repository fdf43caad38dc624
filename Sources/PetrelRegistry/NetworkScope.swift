// SPDX-License-Identifier: Apache-2.0

import NIOPosix

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Which hosts are on this machine or in a private network.
enum NetworkScope {
  /// Names that always mean this machine or the one it runs on.
  static func isPrivateName(_ host: String) -> Bool {
    let name = normalized(host)
    let names = [
      "localhost", "host.docker.internal", "model-runner.docker.internal", "gateway.docker.internal",
      "host.containers.internal",
    ]
    return names.contains(name) || name.hasSuffix(".localhost") || name.hasSuffix(".local")
  }

  /// Whether a numeric address is loopback, link-local, private, unspecified, or else no public host's. Nil when `text` is not an address.
  static func isPrivateAddress(_ text: String) -> Bool? {
    bytes(of: text).map { $0.count == 4 ? isPrivateV4($0) : isPrivateV6($0) }
  }

  /// `localhost`, 127.0.0.0/8 and ::1.
  static func isLoopback(_ host: String) -> Bool {
    let name = normalized(host)
    guard let bytes = bytes(of: name) else { return name == "localhost" }
    return bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
  }

  /// The 4 or 16 bytes of a numeric address. Nil when `text` is not an address.
  static func bytes(of text: String) -> [UInt8]? {
    let text = normalized(text)
    var bytes = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes.prefix(4)) }
    return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
  }

  /// The numeric addresses of `host`, IPv4 first. Empty when it has none.
  static func addresses(of host: String) async -> [String] {
    let lookUp: @Sendable () -> [String] = { systemAddresses(of: normalized(host)) }
    return (try? await NIOThreadPool.singleton.runIfActive(lookUp)) ?? []
  }

  private static func isPrivateV4(_ bytes: [UInt8]) -> Bool {
    switch (bytes[0], bytes[1]) {
    // 100.64.0.0/10 is what providers and overlay networks share: RFC 6598.
    case (0, _), (10, _), (100, 64...127), (127, _), (169, 254), (172, 16...31), (192, 168): true
    // Of protocols, of measurements, multicast and reserved: RFC 6890, RFC 2544, RFC 5771, RFC 1112.
    case (192, 0): bytes[2] == 0
    case (198, 18...19), (224..., _): true
    default: false
    }
  }

  private static func isPrivateV6(_ bytes: [UInt8]) -> Bool {
    let leadingZeros = bytes.prefix { $0 == 0 }.count
    if leadingZeros == 16 || (leadingZeros == 15 && bytes[15] == 1) { return true }
    // IPv4 inside IPv6: mapped, compatible, behind NAT64, and 6to4.
    let isMapped = leadingZeros == 10 && bytes[10] == 0xFF && bytes[11] == 0xFF
    let isCompatible = leadingZeros >= 12
    let isTranslated = bytes.starts(with: [0x00, 0x64, 0xFF, 0x9B] + [UInt8](repeating: 0, count: 8))
    if isMapped || isCompatible || isTranslated { return isPrivateV4(Array(bytes[12...])) }
    if bytes.starts(with: [0x20, 0x02]) { return isPrivateV4(Array(bytes[2..<6])) }
    // NAT64 of a network's own (RFC 8215); link-local and site-local, unique local, multicast.
    if bytes.starts(with: [0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01]) { return true }
    return (bytes[0] == 0xFE && bytes[1] & 0x80 != 0) || bytes[0] & 0xFE == 0xFC || bytes[0] == 0xFF
  }

  /// Lower-case, without the brackets of IPv6 literals and the dot that ends a full name.
  static func normalized(_ host: String) -> String {
    var name = host.lowercased()
    if name.hasPrefix("["), name.hasSuffix("]") { name = String(name.dropFirst().dropLast()) }
    if name.hasSuffix(".") { name.removeLast() }
    return name
  }

  private static func systemAddresses(of host: String) -> [String] {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var found: [(family: Int32, text: String)] = []
    var entry = list
    while let current = entry {
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      let status = getnameinfo(
        current.pointee.ai_addr, current.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
      if status == 0 {
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        found.append((current.pointee.ai_family, String(decoding: bytes, as: UTF8.self)))
      }
      entry = current.pointee.ai_next
    }
    var texts: [String] = []
    for (_, text) in found.filter({ $0.family == AF_INET }) + found.filter({ $0.family != AF_INET })
    where !texts.contains(text) {
      texts.append(text)
    }
    return texts
  }
}

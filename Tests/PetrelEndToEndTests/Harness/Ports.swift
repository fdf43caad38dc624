// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// TCP ports of this machine.
enum Ports {
  /// A port that nobody has at the moment.
  static func free() -> UInt16? {
    withSocket { socket in
      var address = loopback(port: 0)
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      return withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
          bind(socket, address, length) == 0 && getsockname(socket, address, &length) == 0
        }
      } ? UInt16(bigEndian: address.sin_port) : nil
    }
  }

  /// Whether somebody listens.
  static func answers(_ port: UInt16) -> Bool {
    withSocket { socket in
      var address = loopback(port: port)
      return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
          connect(socket, address, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 ? true : nil
        }
      }
    } ?? false
  }

  private static func withSocket<Result>(_ body: (Int32) -> Result?) -> Result? {
    #if canImport(Glibc)
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      let descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return body(descriptor)
  }

  private static func loopback(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }
}

// SPDX-License-Identifier: Apache-2.0

import Dispatch
import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The connection to the Docker command line that started this plugin: when Docker closes it, the command is to stop.
///
/// Source: docker/cli, `cli-plugins/socket`.
final class PluginConnection: Sendable {
  private let descriptor: FileDescriptor

  /// Nil when the socket cannot be reached; the plugin then relies on signals.
  ///
  /// - Parameters:
  ///   - socket: a path, or a name after `@` in Linux's abstract namespace.
  ///   - onClose: called once, on any thread.
  init?(socket name: String, onClose: @escaping @Sendable () -> Void) {
    guard let descriptor = Self.connect(to: name) else { return nil }
    self.descriptor = descriptor
    DispatchQueue.global().async {
      // Docker sends nothing; the read ends when the connection does.
      withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
        while let count = try? descriptor.read(into: buffer), count > 0 {}
      }
      onClose()
    }
  }

  private static func connect(to name: String) -> FileDescriptor? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var bytes = Array(name.utf8)
    // The abstract name has no end mark: the length of the address tells where it ends.
    let isAbstract = bytes.first == UInt8(ascii: "@")
    if isAbstract { bytes[0] = 0 } else { bytes.append(0) }
    guard bytes.count <= MemoryLayout.size(ofValue: address.sun_path) else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let pathOffset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 0
    let length = socklen_t(isAbstract ? pathOffset + bytes.count : MemoryLayout<sockaddr_un>.size)

    #if canImport(Darwin)
      let descriptor = socket(AF_UNIX, SOCK_STREAM, 0)
    #elseif canImport(Glibc)
      let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    #else
      let descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)
    #endif
    guard descriptor >= 0 else { return nil }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connectSocket(descriptor, $0, length) }
    }
    guard result == 0 else {
      close(descriptor)
      return nil
    }
    return FileDescriptor(rawValue: descriptor)
  }
}

/// The system's `connect`, which the method of the same name hides.
private func connectSocket(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Int32 {
  connect(descriptor, address, length)
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// How many bytes a socket must have before it wakes its reader.
enum SocketLowWater {
  static let option = ChannelOptions.Types.SocketOption(
    level: .socket, name: NIOBSDSocket.Option(rawValue: SO_RCVLOWAT))

  /// Whether the reader is woken for what is there already when the number is lowered. Linux does so.
  static var isReliable: Bool {
    #if canImport(Darwin)
      false
    #else
      true
    #endif
  }
}

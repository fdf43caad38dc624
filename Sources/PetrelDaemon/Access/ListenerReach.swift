// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import PetrelServer

/// From where a listener can be reached.
enum ListenerReach: Equatable {
  /// From this machine, or from containers on it, alone.
  case local
  /// From other machines too, as far as can be told.
  case network

  /// Bridges that container engines make. Source: the default names of Docker, Podman, CNI, LXC, LXD and Incus, and of
  /// macOS's virtual machines.
  private static let bridges = ["docker", "br-", "podman", "cni", "lxcbr", "lxdbr", "incusbr", "bridge1"]

  /// - Parameter host: a name or an address to listen on. Names are looked up, which may block.
  init(host: String) {
    let name = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    let found = IPAddress(name) ?? (try? SocketAddress.makeAddressResolvingHost(name, port: 0)).flatMap(IPAddress.init)
    guard let address = found else {
      self = .network
      return
    }
    let devices = (try? System.enumerateDevices()) ?? []
    self.init(
      address: address,
      interface: devices.first { $0.address.flatMap(IPAddress.init) == address }?.name)
  }

  /// - Parameter interface: the name of the network interface that has the address.
  init(address: IPAddress, interface: String?) {
    let isBridge = interface.map { name in Self.bridges.contains { name.hasPrefix($0) } } ?? false
    self = address.isLoopback || (isBridge && address.isPrivate) ? .local : .network
  }
}

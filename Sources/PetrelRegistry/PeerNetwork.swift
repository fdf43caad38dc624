// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// What kind of address a connection leads to.
enum PeerNetwork: String, Sendable, Hashable {
  case publicNetwork = "public"
  /// Loopback, link-local or private, or none that can be read.
  case privateNetwork = "private"

  private static let header = "petrel-peer-network"

  static func of(_ address: SocketAddress?) -> PeerNetwork {
    guard let text = address?.ipAddress, NetworkScope.isPrivateAddress(text) == false else { return .privateNetwork }
    return .publicNetwork
  }

  /// Writes it into the head of a response, in the place of what the server may have written there.
  func note(in headers: inout HTTPHeaders) { headers.replaceOrAdd(name: Self.header, value: rawValue) }

  /// Reads and removes what ``note(in:)`` has written. Nil where nothing was.
  static func takeNote(from headers: inout HTTPHeaders) -> PeerNetwork? {
    defer { headers.remove(name: header) }
    return headers.first(name: header).flatMap(PeerNetwork.init)
  }
}

/// Notes in each response to what network its connection leads: that is known for certain here, and a name may mean
/// something else when it is looked up again.
final class PeerNoteHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias InboundOut = HTTPClientResponsePart

  private let network: PeerNetwork

  init(_ network: PeerNetwork) { self.network = network }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
    network.note(in: &head.headers)
    context.fireChannelRead(wrapInboundOut(.head(head)))
  }
}

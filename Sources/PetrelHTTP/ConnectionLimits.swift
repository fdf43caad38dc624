// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// What a listener bears from its clients.
package struct ConnectionLimits: Sendable {
  /// Connections at a time; more are turned away.
  package var connections = 4096
  /// Lines of a head or a trailer.
  package var headerCount = 128
  /// Bytes of one of them.
  package var headerSize = 64 * 1024
  /// Bytes of all of them together.
  package var headersSize = 128 * 1024
  /// How often it is looked whether a connection gets on.
  package var lookInterval = TimeAmount.seconds(10)
  /// Looks after which a new connection must have sent its first head.
  package var headLooks = 1
  /// Bytes of a body that must come between two looks.
  package var leastBytes = 1024
  /// Looks after which a connection without a request is closed.
  package var idleLooks = 30
  /// Looks after which a client that takes nothing of its answer is given up.
  package var stalledLooks = 60

  package init() {}

  var decoder: NIOHTTPDecoderLimitConfiguration {
    var configuration = NIOHTTPDecoderLimitConfiguration()
    configuration.maxHeaderFieldCount = headerCount
    configuration.maxHeaderFieldSize = headerSize
    configuration.maxHeaderListSize = headersSize
    return configuration
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import SystemPackage

/// What an engine tells of its own work.
package enum EngineMetrics {
  /// Prometheus' text of the engine that listens on `socket`; nil when it has none, or is silent for a few seconds.
  package static func text(of socket: FilePath, group: any EventLoopGroup) async -> String? {
    let answer = await EngineQuery(socket: socket, group: group).get("/metrics", timeout: .seconds(5))
    return answer.map { String(decoding: $0, as: UTF8.self) }
  }
}

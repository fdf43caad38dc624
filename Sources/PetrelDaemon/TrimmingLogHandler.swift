// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelProcess
import SystemPackage

/// Writes with another handler to standard error, and keeps the file behind that from growing without bound.
package struct TrimmingLogHandler: LogHandler {
  /// Tells a daemon in the background which file it prints to.
  package static let variable = "PETREL_DAEMON_LOG"

  private var handler: any LogHandler
  private let output: OwnOutput

  package init(_ handler: any LogHandler, file: FilePath) {
    self.handler = handler
    output = OwnOutput(path: file)
  }

  package var logLevel: Logger.Level {
    get { handler.logLevel }
    set { handler.logLevel = newValue }
  }

  package var metadata: Logger.Metadata {
    get { handler.metadata }
    set { handler.metadata = newValue }
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { handler[metadataKey: key] }
    set { handler[metadataKey: key] = newValue }
  }

  package func log(event: LogEvent) {
    handler.log(event: event)
    output.trim()
  }
}

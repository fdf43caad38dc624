// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelProcess
import SystemPackage

/// Writes the daemon's log to its file beside those of the engines, where `petrel logs` reads it.
package struct ServiceLogHandler: LogHandler {
  package var logLevel: Logger.Level
  package var metadata: Logger.Metadata = [:]
  private let log: RotatingLog

  /// - Parameter directory: of logs. While it does not exist, lines are lost.
  package init(directory: FilePath, level: Logger.Level) {
    log = RotatingLog(path: directory.appending(MergedLogs.service))
    logLevel = level
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var line = "\(LogTimestamp.now())level=\(event.level.rawValue.uppercased()) msg=\(Self.quoted("\(event.message)"))"
    let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
    for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(Self.quoted("\(value)"))" }
    Array((line + "\n").utf8).withUnsafeBytes { log.append($0) }
  }

  /// One line, whatever is in it.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F: result += scalar.escaped(asASCII: true)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

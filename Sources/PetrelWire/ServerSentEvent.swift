// SPDX-License-Identifier: Apache-2.0

/// Writes events of a `text/event-stream`.
package enum ServerSentEvent {
  /// Appends `event: <name>`, `data: <data>` and the blank line that ends an event.
  package static func append(_ data: JSONNode, named name: String, to output: inout [UInt8]) {
    output.append(contentsOf: "event: ".utf8)
    output.append(contentsOf: name.utf8)
    output.append(contentsOf: "\ndata: ".utf8)
    data.append(to: &output)
    output.append(contentsOf: "\n\n".utf8)
  }
}

// SPDX-License-Identifier: Apache-2.0

/// One line of the progress stream of a pull, push or load. The last line of a stream is a success or an error.
package struct ProgressLine: Codable, Sendable, Hashable {
  package enum Kind: String, Codable, Sendable {
    case progress, success, warning, error
  }

  package enum Mode: String, Codable, Sendable {
    case pull, push
  }

  package struct Layer: Codable, Sendable, Hashable {
    /// The layer's digest; absent when the line is about no layer.
    package var id: String?
    /// Bytes.
    package var size: Int64
    /// Bytes so far.
    package var current: Int64

    package init(id: String? = nil, size: Int64 = 0, current: Int64 = 0) {
      self.id = id
      self.size = size
      self.current = current
    }
  }

  package var type: Kind
  /// For people.
  package var message: String
  /// Bytes of all layers together; 0 on lines without progress.
  package var total: Int64
  package var layer: Layer
  package var mode: Mode

  package init(type: Kind, message: String, total: Int64 = 0, layer: Layer = Layer(), mode: Mode) {
    self.type = type
    self.message = message
    self.total = total
    self.layer = layer
    self.mode = mode
  }

  /// A layer's progress, worded as the reference words it (units of 1,048,576 bytes).
  package static func transferred(mode: Mode, layer: Layer, total: Int64) -> ProgressLine {
    let hundredths = (layer.current * 100 + 524_288) / 1_048_576
    let fraction = hundredths % 100
    let verb = mode == .pull ? "Downloaded" : "Uploaded"
    let message = "\(verb): \(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) MB"
    return ProgressLine(type: .progress, message: message, total: total, layer: layer, mode: mode)
  }
}

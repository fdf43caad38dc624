// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// Images of a message: base64, with or without the head of a data URL.
enum OllamaImage {
  /// By the first characters of the base64 text.
  private static let types = [
    ("/9j/", "image/jpeg"), ("iVBOR", "image/png"), ("R0lG", "image/gif"), ("UklGR", "image/webp"), ("Qk", "image/bmp"),
  ]

  /// Content parts of a chat message.
  static func parts(_ images: JSONNode?) throws(OllamaError) -> [JSONNode] {
    guard let images, !images.isNull else { return [] }
    guard let elements = images.elements else { throw OllamaError("images must be an array of base64 texts") }
    var parts: [JSONNode] = []
    for element in elements {
      guard let text = element.string else { throw OllamaError("images must be an array of base64 texts") }
      let url = JSONNode.object([JSONMember("url", .string(try url(text)))])
      parts.append(.object([JSONMember("type", .string("image_url")), JSONMember("image_url", url)]))
    }
    return parts
  }

  private static func url(_ text: String) throws(OllamaError) -> String {
    var data = text[...]
    while data.first?.isWhitespace == true { data.removeFirst() }
    while data.last?.isWhitespace == true { data.removeLast() }
    if data.hasPrefix("data:") { return String(data) }
    guard !data.hasPrefix("http://"), !data.hasPrefix("https://") else {
      throw OllamaError("images must be base64 texts: Petrel fetches none from other servers")
    }
    guard !data.isEmpty else { throw OllamaError("an image is empty") }
    let type = types.first { data.hasPrefix($0.0) }?.1 ?? "image/jpeg"
    return "data:\(type);base64,\(data)"
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Keeps requests from making an engine fetch what they name, or unpack images without bound.
struct ImageCheck {
  /// Of an image, in base64: nearly all headers stand in there. A multiple of four.
  private static let firstPart = 256 * 1024

  let limits: RequestLimits

  /// Looks at the images of a request with messages in OpenAI's form.
  ///
  /// - Parameter body: valid JSON.
  func check(_ body: ByteBuffer) throws(OpenAIError) {
    try body.withUnsafeReadableBytes { bytes -> Result<Void, OpenAIError> in
      // Nearly all requests have no image. The name may be written with escapes.
      guard
        JSONMemberSearch.contains("image_url", anchor: 5, in: bytes) || JSONMemberSearch.contains("\\u00", in: bytes)
      else {
        return .success(())
      }
      return Result { () throws(OpenAIError) in try check(bytes) }
    }.get()
  }

  private func check(_ bytes: UnsafeRawBufferPointer) throws(OpenAIError) {
    var count = 0
    var scanned = 0
    for offset in JSONMemberSearch.values(of: "image_url", in: bytes) {
      // Values that lie in each other would be read again and again.
      guard let value = JSONEnvelope.value(at: offset, of: bytes) else { continue }
      scanned += value.range.count
      guard scanned <= bytes.count else { throw Self.refusal("an image_url holds another one", "invalid_image") }
      for url in Self.urls(value, in: bytes) {
        count += 1
        guard count <= limits.images else {
          throw Self.refusal("a request may have \(limits.images) images (max-images)", "too_many_images")
        }
        try check(url: url.utf8)
      }
    }
  }

  /// The URL by itself, or in an object. All are looked at where an object has several.
  private static func urls(_ value: JSONEnvelope.Value, in bytes: UnsafeRawBufferPointer) -> [String] {
    guard value.kind == .object else { return value.string(in: bytes).map { [$0] } ?? [] }
    let object = UnsafeRawBufferPointer(rebasing: bytes[value.range])
    return JSONMemberSearch.values(of: "url", in: object).compactMap {
      JSONEnvelope.value(at: $0, of: object)?.string(in: object)
    }
  }

  private func check(url: String.UTF8View) throws(OpenAIError) {
    guard url.starts(with: "data:".utf8) else {
      if limits.fetchesImages { return }
      throw Self.refusal(
        "images are taken as data URLs only (data:image/png;base64,…): this daemon fetches nothing for requests "
          + "(image-urls)", "image_url_not_allowed")
    }
    guard let comma = url.prefix(256).firstIndex(of: UInt8(ascii: ",")),
      url[..<comma].reversed().starts(with: ";base64".utf8.reversed())
    else { throw Self.refusal("an image's data URL must be data:image/…;base64,…", "invalid_image") }
    let text = url[url.index(after: comma)...]
    let size = text.count / 4 * 3
    guard size <= limits.imageBytes else {
      throw Self.refusal(
        "an image has about \(size) bytes; the limit is \(limits.imageBytes) (max-image-size)", "image_too_large")
    }
    var header = ImageHeader(try Self.decode(text.prefix(Self.firstPart)))
    if header == .cutOff, text.count > Self.firstPart { header = ImageHeader(try Self.decode(text)) }
    guard case .size(let width, let height) = header else {
      throw Self.refusal("an image is none of PNG, JPEG, WebP, GIF and BMP, or it is damaged", "invalid_image")
    }
    let (pixels, isTooMany) = width.multipliedReportingOverflow(by: height)
    guard !isTooMany, pixels <= limits.imagePixels else {
      throw Self.refusal(
        "an image has \(width) x \(height) pixels; the limit is \(limits.imagePixels) (max-image-pixels)",
        "image_too_large")
    }
  }

  private static func decode(_ text: Substring.UTF8View) throws(OpenAIError) -> [UInt8] {
    guard let data = Data(base64Encoded: Data(text)) else {
      throw refusal("an image's data URL holds no base64", "invalid_image")
    }
    return Array(data)
  }

  private static func refusal(_ message: String, _ code: String) -> OpenAIError {
    OpenAIError(.badRequest, message, code: code, param: "messages")
  }
}

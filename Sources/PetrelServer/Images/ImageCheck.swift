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

  /// Looks at what a request may hold of images, by the endpoint that it is for.
  ///
  /// - Parameter body: valid JSON.
  func check(_ body: ByteBuffer, for rules: ParameterRules) throws(OpenAIError) {
    switch rules {
    // Also what counts the tokens of a chat.
    case .chat, .none: try check(body)
    case .completion, .infill, .embedding: try checkMedia(body)
    case .reranking, .tokens, .text: return
    }
  }

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

  /// Looks at the media of prompts in llama.cpp's form: `{"prompt_string": …, "multimodal_data": ["<base64>", …]}`.
  private func checkMedia(_ body: ByteBuffer) throws(OpenAIError) {
    try body.withUnsafeReadableBytes { bytes -> Result<Void, OpenAIError> in
      guard
        JSONMemberSearch.contains("multimodal_data", anchor: 10, in: bytes)
          || JSONMemberSearch.contains("\\u00", in: bytes)
      else { return .success(()) }
      return Result { () throws(OpenAIError) in try checkMedia(bytes) }
    }.get()
  }

  private func checkMedia(_ bytes: UnsafeRawBufferPointer) throws(OpenAIError) {
    var count = 0
    var end = 0
    // Names within a value that has been looked at are those of its texts.
    for offset in JSONMemberSearch.values(of: "multimodal_data", in: bytes) where offset >= end {
      guard let value = JSONEnvelope.value(at: offset, of: bytes) else { continue }
      end = value.range.upperBound
      guard value.kind == .array, let media = try? JSONEnvelope.elements(at: offset, of: bytes) else {
        throw Self.refusal("multimodal_data must be an array of base64 texts", "invalid_image", "prompt")
      }
      for medium in media {
        guard let text = medium.string(in: bytes) else {
          throw Self.refusal("multimodal_data must be an array of base64 texts", "invalid_image", "prompt")
        }
        count += 1
        guard count <= limits.images else {
          throw Self.refusal("a request may have \(limits.images) images (max-images)", "too_many_images", "prompt")
        }
        do throws(OpenAIError) {
          try check(base64: text[...].utf8, maySound: true)
        } catch {
          var error = error
          error.param = "prompt"
          throw error
        }
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
    try check(base64: url[url.index(after: comma)...], maySound: false)
  }

  /// - Parameter maySound: whether it may be sound as well.
  private func check(base64 text: Substring.UTF8View, maySound: Bool) throws(OpenAIError) {
    let size = text.count / 4 * 3
    guard size <= limits.imageBytes else {
      throw Self.refusal(
        "an image has about \(size) bytes; the limit is \(limits.imageBytes) (max-image-size)", "image_too_large")
    }
    let beginning = try Self.decode(text.prefix(Self.firstPart))
    if maySound, Self.isSound(beginning) { return }
    var header = ImageHeader(beginning)
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

  /// WAV, FLAC and MP3, which the engine reads: by the marks that it goes by.
  private static func isSound(_ bytes: [UInt8]) -> Bool {
    if bytes.starts(with: "RIFF".utf8) { return bytes.dropFirst(8).starts(with: "WAVE".utf8) }
    return bytes.starts(with: "fLaC".utf8) || bytes.starts(with: "ID3".utf8)
      || (bytes.count > 1 && bytes[0] == 0xFF && bytes[1] & 0xE0 == 0xE0)
  }

  private static func decode(_ text: Substring.UTF8View) throws(OpenAIError) -> [UInt8] {
    guard let data = Data(base64Encoded: Data(text)) else {
      throw refusal("an image's data URL holds no base64", "invalid_image")
    }
    return Array(data)
  }

  private static func refusal(_ message: String, _ code: String, _ param: String = "messages") -> OpenAIError {
    OpenAIError(.badRequest, message, code: code, param: param)
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Keeps requests from making an engine fetch what they name, or unpack images and sounds without bound.
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

  /// What is sent, by the member that it is sent in.
  private enum Medium: String {
    case image, audio, video

    var noun: String {
      switch self {
      case .image: "an image"
      case .audio: "a sound"
      case .video: "a video"
      }
    }
  }

  /// The members of messages from which engines take media. Where they hold `http…` or `file:…`, engines go and get it.
  private static let members: [(name: StaticString, medium: Medium)] = [
    ("image_url", .image), ("input_audio", .audio), ("audio_url", .audio), ("input_video", .video),
    ("video_url", .video),
  ]

  /// Looks at the images, sounds and videos of a request with messages in OpenAI's form.
  ///
  /// - Parameter body: valid JSON.
  func check(_ body: ByteBuffer) throws(OpenAIError) {
    try body.withUnsafeReadableBytes { bytes -> Result<Void, OpenAIError> in
      // Nearly all requests have none of them. Names may be written with escapes.
      let hasEscapes = JSONMemberSearch.contains("\\u00", in: bytes)
      return Result { () throws(OpenAIError) in
        var count = 0
        for member in Self.members
        where hasEscapes || JSONMemberSearch.contains(member.name, anchor: 5, in: bytes) {
          try check(member.medium, in: member.name.description, of: bytes, count: &count)
        }
      }
    }.get()
  }

  private func check(
    _ medium: Medium, in name: String, of bytes: UnsafeRawBufferPointer, count: inout Int
  ) throws(OpenAIError) {
    var scanned = 0
    for offset in JSONMemberSearch.values(of: name, in: bytes) {
      // Values that lie in each other would be read again and again.
      guard let value = JSONEnvelope.value(at: offset, of: bytes) else { continue }
      scanned += value.range.count
      guard scanned <= bytes.count else {
        throw Self.refusal("an \(name) holds another one", "invalid_\(medium.rawValue)")
      }
      for source in Self.sources(value, of: medium, in: bytes) {
        count += 1
        guard count <= limits.images else {
          throw Self.refusal("a request may have \(limits.images) images (max-images)", "too_many_images")
        }
        try check(source.utf8, medium)
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
          try check(base64: text[...].utf8, .image, maySound: true)
        } catch {
          var error = error
          error.param = "prompt"
          throw error
        }
      }
    }
  }

  /// The URL or the data by itself, or in an object. All are looked at where an object has several.
  private static func sources(
    _ value: JSONEnvelope.Value, of medium: Medium, in bytes: UnsafeRawBufferPointer
  ) -> [String] {
    guard value.kind == .object else { return value.string(in: bytes).map { [$0] } ?? [] }
    let object = UnsafeRawBufferPointer(rebasing: bytes[value.range])
    let names = medium == .image ? ["url"] : ["url", "data"]
    return names.flatMap { JSONMemberSearch.values(of: $0, in: object) }.compactMap {
      JSONEnvelope.value(at: $0, of: object)?.string(in: object)
    }
  }

  private func check(_ source: String.UTF8View, _ medium: Medium) throws(OpenAIError) {
    if source.starts(with: "data:".utf8) {
      guard let comma = source.prefix(256).firstIndex(of: UInt8(ascii: ",")),
        source[..<comma].reversed().starts(with: ";base64".utf8.reversed())
      else {
        throw Self.refusal(
          "the data URL of \(medium.noun) must be data:\(medium.rawValue)/…;base64,…", "invalid_\(medium.rawValue)")
      }
      return try check(base64: source[source.index(after: comma)...], medium)
    }
    // Base64 has no colon.
    if medium != .image, !source.prefix(256).contains(UInt8(ascii: ":")) {
      return try check(base64: source[...], medium)
    }
    if limits.fetchesImages {
      if source.starts(with: "http://".utf8) || source.starts(with: "https://".utf8) { return }
      throw Self.refusal(
        "\(medium.noun) is taken from a data URL (data:…;base64,…), http or https only",
        "\(medium.rawValue)_url_not_allowed")
    }
    throw Self.refusal(
      "\(medium.noun) is taken as a data URL only (data:\(medium.rawValue)/…;base64,…): this daemon fetches nothing for "
        + "requests (image-urls)", "\(medium.rawValue)_url_not_allowed")
  }

  /// - Parameter maySound: whether it may be sound as well.
  private func check(
    base64 text: Substring.UTF8View, _ medium: Medium, maySound: Bool = false
  ) throws(OpenAIError) {
    let size = text.count / 4 * 3
    guard size <= limits.imageBytes else {
      throw Self.refusal(
        "\(medium.noun) has about \(size) bytes; the limit is \(limits.imageBytes) (max-image-size)",
        "\(medium.rawValue)_too_large")
    }
    let beginning = try Self.decode(text.prefix(Self.firstPart), medium)
    if maySound || medium == .audio {
      var header = SoundHeader(beginning)
      if header == .cutOff, text.count > Self.firstPart { header = SoundHeader(try Self.decode(text, medium)) }
      switch header {
      case .sound: return
      case .tooLong: throw Self.refusal(Self.tooLong, "audio_too_long")
      case .tooSlow: throw Self.refusal(Self.tooSlow, "invalid_audio")
      case .cutOff, .unknown: break
      }
    }
    switch medium {
    case .image: break
    case .audio: throw Self.refusal("a sound is none of WAV, MP3 and FLAC, or it is damaged", "invalid_audio")
    case .video:
      guard Self.isVideo(beginning) else {
        throw Self.refusal("a video is none of MP4, WebM, Matroska and AVI", "invalid_video")
      }
      return
    }
    var header = ImageHeader(beginning)
    if header == .cutOff, text.count > Self.firstPart { header = ImageHeader(try Self.decode(text, medium)) }
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

  static let tooLong =
    "a FLAC file does not say how long it is, or is longer than \(SoundHeader.mostSeconds / 3600) hours"

  static let tooSlow = "a WAV file has fewer than \(SoundHeader.leastRate) samples a second"

  /// By the marks of the containers. What looks like an image to an engine is none: its pixels would not be counted.
  private static func isVideo(_ bytes: [UInt8]) -> Bool {
    if bytes.starts(with: [0x1A, 0x45, 0xDF, 0xA3]) { return true }
    if bytes.starts(with: "RIFF".utf8) { return bytes.dropFirst(8).starts(with: "AVI ".utf8) }
    // The first box is a short one.
    return bytes.starts(with: [0, 0, 0]) && bytes.dropFirst(4).starts(with: "ftyp".utf8)
  }

  private static func decode(_ text: Substring.UTF8View, _ medium: Medium) throws(OpenAIError) -> [UInt8] {
    guard let data = Data(base64Encoded: Data(text)) else {
      throw refusal("\(medium.noun) holds no base64", "invalid_\(medium.rawValue)")
    }
    return Array(data)
  }

  private static func refusal(_ message: String, _ code: String, _ param: String = "messages") -> OpenAIError {
    OpenAIError(.badRequest, message, code: code, param: param)
  }
}

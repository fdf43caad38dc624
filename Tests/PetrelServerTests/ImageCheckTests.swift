// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOHTTP1
import PetrelTestSupport
import Testing

@testable import PetrelServer

/// The beginnings of image files that declare a size.
enum ImageBytes {
  private static func big32(_ number: Int) -> [UInt8] { little(number, 4).reversed() }
  private static func little(_ number: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  private static func joined(_ parts: [UInt8]...) -> [UInt8] { parts.flatMap { $0 } }

  static func png(_ width: Int, _ height: Int) -> [UInt8] {
    let start: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]
    return joined(start, Array("IHDR".utf8), big32(width), big32(height))
  }
  static func gif(_ width: Int, _ height: Int) -> [UInt8] {
    joined(Array("GIF89a".utf8), little(width, 2), little(height, 2))
  }
  /// - Parameter before: bytes of a segment that stands before the frame.
  static func jpeg(_ width: Int, _ height: Int, before: Int = 14) -> [UInt8] {
    var bytes: [UInt8] = [0xFF, 0xD8]
    var left = before
    while left > 0 {
      let part = min(left, 60_000)
      bytes += [0xFF, 0xE1]
      bytes += little(part + 2, 2).reversed()
      bytes += [UInt8](repeating: 7, count: part)
      left -= part
    }
    bytes += [0xFF, 0xFF, 0xC2, 0, 17, 8]
    bytes += little(height, 2).reversed()
    bytes += little(width, 2).reversed()
    return bytes
  }
  static func webP(_ kind: String, _ content: [UInt8]) -> [UInt8] {
    joined(
      Array("RIFF".utf8), little(100, 4), Array("WEBP\(kind)".utf8), little(20, 4), content,
      [UInt8](repeating: 0, count: 10))
  }
  static func extendedWebP(_ width: Int, _ height: Int) -> [UInt8] {
    webP("VP8X", joined([0, 0, 0, 0], little(width - 1, 3), little(height - 1, 3)))
  }
  static func losslessWebP(_ width: Int, _ height: Int) -> [UInt8] {
    webP("VP8L", joined([0x2F], little((width - 1) | ((height - 1) << 14), 4)))
  }
  static func lossyWebP(_ width: Int, _ height: Int) -> [UInt8] {
    webP("VP8 ", joined([0, 0, 0, 0x9D, 0x01, 0x2A], little(width, 2), little(height, 2)))
  }
  static func bitmap(_ width: Int, _ height: Int) -> [UInt8] {
    joined(Array("BM".utf8), little(0, 12), little(40, 4), little(width, 4), little(height, 4))
  }
}

struct ImageHeaderTests {
  @Test func eachFormatDeclaresItsSize() {
    let images = [
      ImageBytes.png(640, 480), ImageBytes.gif(640, 480), ImageBytes.jpeg(640, 480), ImageBytes.extendedWebP(640, 480),
      ImageBytes.losslessWebP(640, 480), ImageBytes.lossyWebP(640, 480), ImageBytes.bitmap(640, 480),
      ImageBytes.bitmap(640, -480),
    ]
    for bytes in images { #expect(ImageHeader(bytes) == .size(width: 640, height: 480)) }
  }

  @Test func aSizeFurtherBackIsFound() {
    let bytes = ImageBytes.jpeg(100, 50, before: 300_000)
    #expect(ImageHeader(bytes) == .size(width: 100, height: 50))
    #expect(ImageHeader(Array(bytes.prefix(200_000))) == .cutOff)
  }

  @Test func othersAreUnknown() {
    for bytes: [UInt8] in [
      [], [0], Array("<svg/>".utf8), Array("%PDF".utf8), ImageBytes.png(0, 5), [0xFF, 0xD8, 0xFF, 0xD9],
    ] {
      #expect(ImageHeader(bytes) == .unknown)
    }
  }

  @Test func damagedHeadersDoNoHarm() {
    for image in [
      ImageBytes.png(640, 480), ImageBytes.gif(640, 480), ImageBytes.jpeg(640, 480), ImageBytes.extendedWebP(640, 480),
      ImageBytes.losslessWebP(640, 480), ImageBytes.lossyWebP(640, 480), ImageBytes.bitmap(640, 480),
    ] {
      for length in 0..<image.count {
        if case .size(let width, let height) = ImageHeader(Array(image.prefix(length))) {
          #expect(width == 640 && height == 480)
        }
      }
    }
  }
}

struct ImageCheckTests {
  private static func url(_ bytes: [UInt8], type: String = "image/png") -> String {
    "data:\(type);base64,\(Data(bytes).base64EncodedString())"
  }

  private static func body(_ url: String, key: String = "image_url", member: String = "url") -> ByteBuffer {
    ByteBuffer(
      string: #"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a \"image_url\": b"},"#
        + #"{"type":"image_url","\#(key)":{"\#(member)":"\#(url)"}}]}]}"#)
  }

  private static func code(_ body: ByteBuffer, _ change: (inout RequestLimits) -> Void = { _ in }) -> String? {
    var limits = RequestLimits()
    change(&limits)
    do throws(OpenAIError) {
      try ImageCheck(limits: limits).check(body)
      return nil
    } catch {
      #expect(error.status == .badRequest)
      #expect(error.param == "messages")
      return error.code
    }
  }

  @Test func smallImagesPass() {
    #expect(Self.code(Self.body(Self.url(ImageBytes.png(640, 480)))) == nil)
    #expect(Self.code(Self.body(Self.url(ImageBytes.jpeg(640, 480, before: 600_000)))) == nil)
    #expect(Self.code(ByteBuffer(string: #"{"messages":[{"role":"user","content":"image_url"}]}"#)) == nil)
    let direct = #"{"image_url":"\#(Self.url(ImageBytes.gif(3, 4)))"}"#
    #expect(Self.code(ByteBuffer(string: direct)) == nil)
    // Some write slashes with escapes.
    let escaped = Self.url(ImageBytes.png(640, 480)).replacing("/", with: #"\/"#)
    #expect(Self.code(Self.body(escaped)) == nil)
  }

  @Test(arguments: ["http://169.254.169.254/latest", "https://a.example/x.png", "file:///etc/passwd", "x.png", ""])
  func nothingIsFetched(_ url: String) {
    #expect(Self.code(Self.body(url)) == "image_url_not_allowed")
    // Where URLs are let through, files and other schemes are not.
    let expected = url.hasPrefix("http") ? nil : "image_url_not_allowed"
    #expect(Self.code(Self.body(url)) { $0.fetchesImages = true } == expected)
    // The engine reads escapes in names.
    #expect(Self.code(Self.body(url, key: #"image\u005furl"#, member: #"u\u0072l"#)) == "image_url_not_allowed")
    #expect(Self.code(Self.body(#"data:,","url":"\#(url)"#)) != nil)
  }

  @Test func pixelsAreCountedBeforeTheyAreUnpacked() {
    #expect(Self.code(Self.body(Self.url(ImageBytes.png(60_000, 60_000)))) == "image_too_large")
    #expect(Self.code(Self.body(Self.url(ImageBytes.png(0x7FFF_FFFF, 0x7FFF_FFFF)))) == "image_too_large")
    #expect(Self.code(Self.body(Self.url(ImageBytes.gif(11, 10)))) { $0.imagePixels = 109 } == "image_too_large")
    #expect(Self.code(Self.body(Self.url(ImageBytes.gif(11, 10)))) { $0.imagePixels = 110 } == nil)
  }

  @Test func bytesAndImagesAreCounted() {
    let url = Self.url(ImageBytes.jpeg(64, 64, before: 9_000))
    #expect(Self.code(Self.body(url)) { $0.imageBytes = 5_000 } == "image_too_large")
    let two = ByteBuffer(string: #"{"a":[{"image_url":{"url":"\#(url)"}},{"image_url":{"url":"\#(url)"}}]}"#)
    #expect(Self.code(two) { $0.images = 1 } == "too_many_images")
    #expect(Self.code(two) { $0.images = 2 } == nil)
  }

  @Test func imagesInImagesAreRefused() {
    let nested = String(repeating: #"{"image_url":"#, count: 100) + #""x""# + String(repeating: "}", count: 100)
    #expect(Self.code(ByteBuffer(string: nested)) == "invalid_image")
  }

  @Test func aHeaderThatIsNotTheFirstChunkIsRefused() {
    var png = ImageBytes.png(1, 1)
    png.replaceSubrange(12..<16, with: Array("CgBI".utf8))
    #expect(Self.code(Self.body(Self.url(png))) == "invalid_image")
  }

  @Test func mediaOfPromptsAreLookedAtToo() {
    func code(_ media: [UInt8]..., rules: ParameterRules = .completion, name: String = "multimodal_data") -> String? {
      let texts = media.map { "\"\(Data($0).base64EncodedString())\"" }.joined(separator: ",")
      let body = #"{"prompt":{"prompt_string":"<__media__> \"multimodal_data\":","\#(name)":[\#(texts)]}}"#
      do throws(OpenAIError) {
        var limits = RequestLimits()
        limits.images = 2
        try ImageCheck(limits: limits).check(ByteBuffer(string: body), for: rules)
        return nil
      } catch {
        #expect(error.param == "prompt")
        return error.code
      }
    }
    let bomb = ImageBytes.png(60_000, 60_000)
    for rules in [ParameterRules.completion, .infill, .embedding] {
      #expect(code(ImageBytes.png(640, 480), rules: rules) == nil)
      #expect(code(bomb, rules: rules) == "image_too_large")
    }
    #expect(code(bomb, name: #"multimodal\u005fdata"#) == "image_too_large")
    #expect(code(SoundBytes.wav, Array("ID3".utf8) + [UInt8](repeating: 0, count: 60)) == nil)
    #expect(code([1, 2, 3]) == "invalid_image")
    #expect(code([0x66], [0x67], [0x68]) != nil)
    #expect(code(ImageBytes.png(1, 1), ImageBytes.png(1, 1), ImageBytes.png(1, 1)) == "too_many_images")
    #expect(code() == nil)
  }

  @Test(arguments: [
    "data:image/png,plain", "data:image/png;base64", "data:image/png;base64,%%%%", "data:image/png;base64,AAAA",
    "data:image/svg+xml;base64,PHN2Zy8+",
  ])
  func whatIsNoImageIsRefused(_ url: String) {
    #expect(Self.code(Self.body(url)) == "invalid_image")
  }
}

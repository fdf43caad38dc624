// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelAPI
import PetrelEngines
import PetrelHTTP
import PetrelScheduling
import PetrelWire

/// `/v1/audio/transcriptions`: a form with a file of sound. The engine gets it as it came; what is read here is whom it
/// is for, and what the engine would misread.
struct TranscriptionDialect: Dialect {
  static let enginePath = "/v1/audio/transcriptions"

  /// Where it is served.
  static let paths: Set<String> = {
    var paths: Set<String> = []
    for prefix in ["", APIPath.dockerPrefix] {
      for base in ["", "/engines", "/engines/\(LlamaCpp.name)"] { paths.insert(prefix + base + enginePath) }
    }
    return paths
  }()

  func translate(_ head: RequestHead, _ body: ByteBuffer) throws -> TranslatedRequest {
    guard let boundary = head.headers.first(name: "Content-Type").flatMap(MultipartForm.boundary(ofContentType:)) else {
      throw OpenAIError(
        .badRequest, "the body must be a form with a file: Content-Type: multipart/form-data; boundary=…",
        code: "invalid_form")
    }
    let fields = try body.withUnsafeReadableBytes { bytes in
      Result { () throws(OpenAIError) in try Fields(bytes, boundary: boundary) }
    }.get()
    let isPreload = head.headers.first(name: "X-Preload-Only") == "true"
    if !isPreload { try fields.check() }
    var request = TranslatedRequest(
      model: fields.model, endpoint: InferenceEndpoint(mode: .completion, enginePath: Self.enginePath),
      options: try DialectBody.options(fields.options), body: isPreload ? nil : body,
      translator: UnchangedAnswer(isStream: fields.text("stream") == "true"))
    request.form = TranslatedRequest.Form(
      contentType: "multipart/form-data; boundary=\"\(boundary)\"", record: ByteBuffer(bytes: fields.record.bytes))
    return request
  }

  func refusal(_ error: OpenAIError) -> SimpleResponse { error.response }
}

extension TranscriptionDialect {
  /// The short fields of the form.
  private struct Fields {
    /// Longer texts are no field's.
    private static let longestText = 256 * 1024

    let model: String
    private let texts: [(name: String, text: String)]
    private let fileSize: Int?
    private let sound: SoundHeader?

    init(_ bytes: UnsafeRawBufferPointer, boundary: String) throws(OpenAIError) {
      let form: MultipartForm
      do throws(MultipartError) {
        form = try MultipartForm(bytes, boundary: boundary)
      } catch {
        throw OpenAIError(.badRequest, "invalid request: \(error.message)", code: "invalid_form")
      }
      try Self.check(form)
      texts = form.parts.filter { $0.fileName == nil }
        .map { ($0.name, String(decoding: bytes[$0.content], as: UTF8.self)) }
      let file = form.file("file").map { bytes[$0.content] }
      fileSize = file?.count
      sound = file.map { SoundHeader($0) }
      guard let model = form.text("model", in: bytes), !model.isEmpty else {
        throw OpenAIError(.badRequest, "model is required", code: "missing_model", param: "model")
      }
      self.model = model
    }

    /// What the engine would read in another way than it is read here.
    private static func check(_ form: MultipartForm) throws(OpenAIError) {
      var names: Set<String> = []
      for part in form.parts {
        // Names that end in brackets are those of arrays.
        guard names.insert(part.name).inserted || part.name.hasSuffix("[]") else {
          throw refusal(part.name, "is there more than once")
        }
        guard part.fileName != nil || part.content.count <= longestText else {
          throw refusal(part.name, "is longer than \(longestText) bytes")
        }
        guard part.fileName == nil || part.name == "file" else {
          throw refusal(part.name, "is a file: the only file of the form is file")
        }
      }
    }

    func text(_ name: String) -> String? { texts.last { $0.name == name }?.text }

    /// A form has texts only: what would be a number in JSON is read as one.
    var options: JSONNode {
      guard let text = text("keep_alive"), !text.isEmpty else { return .object([]) }
      return .object([JSONMember("keep_alive", Double(text) == nil ? .string(text) : .number(text))])
    }

    /// For the record: the fields, and of the file its size.
    var record: JSONNode {
      .object(
        texts.map { JSONMember($0.name, .string($0.text)) }
          + (fileSize.map { [JSONMember("file", .string("[\($0) bytes]"))] } ?? []))
    }

    /// The engine takes the beginning of what is no number for one, and forms of answers that it does not have for
    /// mistakes of its own.
    func check() throws(OpenAIError) {
      guard let fileSize, fileSize > 0 else {
        throw Self.refusal("file", "must be there: the sound, as a part of the form with a file name")
      }
      // The engine would take anything else for an image.
      switch sound {
      case .sound: break
      case .tooLong: throw OpenAIError(.badRequest, ImageCheck.tooLong, code: "audio_too_long", param: "file")
      case .tooSlow: throw OpenAIError(.badRequest, ImageCheck.tooSlow, code: "invalid_audio", param: "file")
      case .cutOff, .unknown, nil:
        throw OpenAIError(
          .badRequest, "file is none of WAV, MP3 and FLAC, or it is damaged", code: "invalid_audio", param: "file")
      }
      if let format = text("response_format"), format != "json" {
        throw Self.refusal("response_format", "must be json: the engine gives no other form")
      }
      if let stream = text("stream"), stream != "true", stream != "false" {
        throw Self.refusal("stream", "must be true or false")
      }
      if let text = text("temperature") {
        guard let number = Double(text), (0...2).contains(number) else {
          throw Self.refusal("temperature", "must be a number from 0 to 2")
        }
      }
      if let text = text("max_tokens") {
        guard let number = Int(text), (1...2_147_483_647).contains(number) else {
          throw Self.refusal("max_tokens", "must be a whole number from 1")
        }
      }
    }

    private static func refusal(_ name: String, _ text: String) -> OpenAIError {
      OpenAIError(.badRequest, "\(name) \(text)", code: "invalid_value", param: name)
    }
  }
}

/// Hands on what the engine says.
private struct UnchangedAnswer: AnswerTranslator {
  let isStream: Bool

  var streamHeaders: HTTPHeaders? { isStream ? DialectBody.eventStreamHeaders : nil }
  var keepAlive: ByteBuffer { ByteBuffer(string: ": \n\n") }

  mutating func translate(_ event: SSEEvent, into output: inout [UInt8]) throws(OpenAIError) {
    if let name = event.name { output += "event: \(name)\n".utf8 }
    output +=
      "data: \(event.data.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\ndata: "))\n\n"
      .utf8
  }

  mutating func finish(into output: inout [UInt8]) throws(OpenAIError) { output += "data: [DONE]\n\n".utf8 }

  mutating func translate(whole body: ByteBuffer) throws(OpenAIError) -> SimpleResponse {
    SimpleResponse(headers: ["Content-Type": "application/json"], body: body)
  }

  mutating func fail(_ error: OpenAIError, into output: inout [UInt8]) { output += "data: \(error.json)\n\n".utf8 }
}

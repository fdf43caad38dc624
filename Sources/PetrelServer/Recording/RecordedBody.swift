// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelAPI
import PetrelEngines
import PetrelRecords
import PetrelScheduling
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Bodies in the form in which they are recorded. Pure.
enum RecordedBody {
  /// Longer texts are cut.
  private static let maximumText = 64 * 1024
  private static let maximumMedia = 100

  /// A request's body as text. Images and sound in messages are cut short.
  static func request(_ body: ByteBuffer, isCut: Bool) -> String {
    guard !isCut, let node = json(body) else { return text(body, isCut: isCut) }
    guard case .object(let members) = node, members.contains(where: { $0.name == "messages" }) else {
      return text(body, isCut: false)
    }
    return bounded(shortened(node, in: nil).serialized())
  }

  /// An answer's body as text.
  static func response(_ body: ByteBuffer, isEventStream: Bool, isCut: Bool) -> (response: String?, error: String?) {
    if isEventStream { return StreamedAnswer(body).folded }
    return (text(body, isCut: isCut), nil)
  }

  /// The body of a refusal: its JSON, or its text in JSON.
  static func error(_ body: ByteBuffer) -> String {
    if json(body) != nil { return text(body, isCut: false) }
    let message = text(body, isCut: false)
    return JSONNode.object([JSONMember("error", .string(message.isEmpty ? "unknown error" : message))]).serialized()
  }

  static func json(_ body: ByteBuffer) -> JSONNode? {
    try? JSONDecoder().decode(JSONNode.self, from: Data(body.readableBytesView))
  }

  private static func text(_ body: ByteBuffer, isCut: Bool) -> String {
    let bytes = body.readableBytesView
    let text = String(decoding: bytes.prefix(maximumText), as: UTF8.self)
    return isCut || bytes.count > maximumText ? text + "...[truncated]" : text
  }

  static func bounded(_ text: String) -> String {
    guard text.utf8.count > maximumText else { return text }
    return String(decoding: text.utf8.prefix(maximumText), as: UTF8.self) + "...[truncated]"
  }

  /// Data of images and sound is cut after 100 characters; of a data URL the part before the data stays.
  private static func shortened(_ node: JSONNode, in parent: String?) -> JSONNode {
    switch node {
    case .object(let members):
      return .object(members.map { JSONMember($0.name, shortenedMember($0, in: parent)) })
    case .array(let elements): return .array(elements.map { shortened($0, in: parent) })
    case .null, .bool, .number, .text: return node
    }
  }

  private static func shortenedMember(_ member: JSONMember, in parent: String?) -> JSONNode {
    guard member.value.isText else { return shortened(member.value, in: member.name) }
    guard (parent == "image_url" && member.name == "url") || (parent == "input_audio" && member.name == "data"),
      let text = member.value.string
    else { return member.value }
    let header = text.hasPrefix("data:") ? text.firstIndex(of: ",").map { text[...$0] } ?? "" : ""
    let data = text.dropFirst(header.count)
    guard data.utf8.count > maximumMedia else { return member.value }
    return .string("\(header)\(data.prefix(maximumMedia))...[truncated \(data.count - maximumMedia) chars]")
  }
}

extension StoredRecord {
  init(_ captured: CapturedRequest, policy: RecordingPolicy) {
    let body = captured.response
    let status = captured.status ?? 408
    var request = ""
    var answer: (response: String?, error: String?) = (nil, nil)
    if policy.scope == .all {
      request = policy.redaction.apply(RecordedBody.request(captured.request, isCut: captured.isRequestCut))
      if captured.status == nil {
        answer = (nil, #"{"error":"the client left before the answer was complete"}"#)
      } else if status >= 400 {
        answer = (nil, RecordedBody.error(body))
      } else {
        answer = RecordedBody.response(body, isEventStream: captured.isEventStream, isCut: captured.isResponseCut)
      }
    }
    let model = captured.key.model
    self.init(
      model: model, mode: captured.key.mode.rawValue, time: captured.time,
      record: RequestRecord(
        id: RequestRecord.id(model: model, time: captured.time), model: captured.model, method: "POST",
        url: captured.url, request: request, response: answer.response.map(policy.redaction.apply),
        error: answer.error.map(policy.redaction.apply), timestamp: captured.time / 1_000_000_000, statusCode: status,
        userAgent: captured.userAgent, origin: captured.origin))
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// What a ``FakeRegistry`` is going to send.
struct FakeResponse: Sendable {
  var status: HTTPResponseStatus
  var headers: HTTPHeaders = [:]
  var body = ByteBuffer()
  /// Send the headers as for the body, but no body.
  var isHeadOnly = false
  var closesAfter: Int?
  var stallsAfter: Int?

  init(_ status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  static func failure(_ status: HTTPResponseStatus, _ code: String?) -> FakeResponse {
    guard let code else { return FakeResponse(status) }
    let body = #"{"errors":[{"code":"\#(code)","message":"a message from the registry","detail":{"x":[1]}}]}"#
    return FakeResponse(status, headers: ["Content-Type": "application/json"], body: ByteBuffer(string: body))
  }

  mutating func apply(_ fault: RegistryFault) {
    switch fault {
    case .status(let code, let errorCode, let extra):
      self = .failure(HTTPResponseStatus(statusCode: code), errorCode)
      for (name, value) in extra { headers.replaceOrAdd(name: name, value: value) }
    case .wrongBytes:
      if let first = body.getInteger(at: body.readerIndex, as: UInt8.self) {
        body.setInteger(first ^ 1, at: body.readerIndex)
      }
    case .close(let bytes): closesAfter = bytes
    case .stall(let bytes): stallsAfter = bytes
    case .headers(let values):
      for (name, value) in values { headers.replaceOrAdd(name: name, value: value) }
    case .body(let bytes): body = ByteBuffer(bytes: bytes)
    case .ignoreRange, .loseUpload, .cutRequest, .stallRequest: break
    }
  }
}

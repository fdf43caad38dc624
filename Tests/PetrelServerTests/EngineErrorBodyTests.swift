// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelHTTP
import Testing

@testable import PetrelServer

struct EngineErrorBodyTests {
  private func translated(_ body: String, status: Int = 400) -> String {
    var error = EngineErrorBody(status: .init(statusCode: status))
    // Bytes come in pieces of any size.
    for byte in body.utf8 { error.append(ByteBuffer(bytes: [byte])) }
    return String(buffer: error.response.body)
  }

  @Test func aPromptThatIsTooLongKeepsBothCounts() {
    let answer = translated(
      #"{"error":{"code":400,"message":"too long","type":"exceed_context_size_error","n_prompt_tokens":9,"n_ctx":4}}"#)
    #expect(
      answer
        == #"{"error":{"message":"too long","type":"invalid_request_error","param":"messages","#
        + #""code":"context_length_exceeded","n_prompt_tokens":9,"n_ctx":4}}"# + "\n")
  }

  @Test func theEnginesOwnTypeBecomesTheCode() {
    #expect(
      translated(#"{"error":{"code":501,"message":"no","type":"not_supported_error"}}"#, status: 501)
        == #"{"error":{"message":"no","type":"server_error","param":null,"code":"not_supported_error"}}"# + "\n")
  }

  @Test func anImageThatTheModelCannotReadIsTheRequestsMistake() {
    let message = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
    var error = EngineErrorBody(status: .internalServerError)
    error.append(ByteBuffer(string: #"{"error":{"code":500,"message":"\#(message)","type":"server_error"}}"#))
    #expect(error.response.status == .badRequest)
    #expect(String(buffer: error.response.body).contains("no projector"))
  }

  @Test func requestsThatAreTooLongTogetherMayTryAgain() {
    let body = #"{"error":{"code":500,"message":"Context size has been exceeded.","type":"server_error"}}"#
    var error = EngineErrorBody(status: .internalServerError)
    error.append(ByteBuffer(string: body))
    #expect(error.response.status == .serviceUnavailable)
    #expect(error.response.headers.first(name: "Retry-After") == "1")
    #expect(String(buffer: error.response.body).contains("context_exhausted"))
  }

  @Test func anInputThatIsTooLongHasBothCountsToo() {
    let message =
      "input (15001 tokens) is too large to process. increase the physical batch size (current batch size: 512)"
    let answer = translated(#"{"error":{"code":500,"message":"\#(message)","type":"server_error"}}"#, status: 500)
    #expect(answer.contains(#""type":"invalid_request_error","param":"input","code":"context_length_exceeded""#))
    #expect(answer.contains(#""n_prompt_tokens":15001,"n_ctx":512"#))
  }

  /// The engine blames itself for them.
  @Test(arguments: [
    ("image input is not supported - hint: mmproj", "unsupported_input"),
    ("Failed to parse tools: Missing tool type: 1", "invalid_value"),
    ("vector::_M_range_check: __n (which is 99) >= this->size()", "invalid_value"),
    ("[json.exception.type_error.302] type must be array, but is null", "invalid_value"),
    ("[json.exception.out_of_range.403] key 'content' not found", "invalid_value"),
  ])
  func faultsOfRequestsAreTheClients(_ message: String, _ code: String) {
    let answer = translated(#"{"error":{"code":500,"message":"\#(message)","type":"server_error"}}"#, status: 500)
    #expect(answer.contains(#""type":"invalid_request_error""#))
    #expect(answer.contains(#""code":"\#(code)""#))
  }

  @Test(arguments: ["", "oops", "{}", "[1]", #"{"error":"text"}"#])
  func anyOtherBodyIsNamedByItsStatus(_ body: String) {
    #expect(translated(body, status: 500).contains("the engine answered with status 500"))
  }

  @Test func aBodyWithoutEndIsCut() {
    var error = EngineErrorBody(status: .badRequest)
    for _ in 0..<100 { error.append(ByteBuffer(repeating: 0x20, count: 10_000)) }
    #expect(error.bytes.readableBytes == EngineErrorBody.maximumSize)
  }
}

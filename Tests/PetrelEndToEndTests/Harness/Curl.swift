// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// What curl got.
struct CurlAnswer: Sendable {
  let status: Int
  let contentType: String
  let body: String

  var json: JSON { get throws { try JSON(parsing: body) } }
  /// The `data` of each event of a stream, parsed; the closing `[DONE]` is left out.
  var events: [JSON] {
    get throws {
      try body.split(separator: "\n").filter { $0.hasPrefix("data: ") && $0 != "data: [DONE]" }
        .map { try JSON(parsing: String($0.dropFirst("data: ".count))) }
    }
  }
}

extension Daemon {
  /// Sends a request with curl: a POST if there is a body, else a GET.
  ///
  /// - Parameter options: further options of curl.
  func curl(_ path: String, body: String? = nil, options: String...) async throws -> CurlAnswer {
    try await curl(url + path, body, options)
  }

  /// The same with these headers.
  func curl(_ path: String, body: String? = nil, headers: [String]) async throws -> CurlAnswer {
    try await curl(url + path, body, headers.flatMap { ["-H", $0] })
  }

  /// The same through the Unix socket.
  func curlSocket(_ path: String, body: String? = nil) async throws -> CurlAnswer {
    try await curl("http://localhost" + path, body, ["--unix-socket", scratch.socket.string])
  }

  /// Calls `body` with the lines of an answer as they come. Killing curl is leaving early.
  func withStream<Result: Sendable>(
    _ path: String, body request: String, _ body: @escaping @Sendable (Running) async throws -> Result
  ) async throws -> Result {
    try await Program.withRunning(
      "curl", ["-sN", url + path, "-d", request], environment: scratch.environment, body)
  }

  private func curl(_ url: String, _ body: String?, _ options: [String]) async throws -> CurlAnswer {
    let mark = "\n--curl--"
    var arguments = ["-sS", "-w", mark + "%{http_code} %{content_type}"] + options + [url]
    if body != nil { arguments += ["--data-binary", "@-"] }
    let result = try await scratch.run("curl", arguments, input: body ?? "")
    guard let end = result.output.firstRange(of: mark) else { throw CurlFailed(errors: result.errors) }
    let status = result.output[end.upperBound...].split(separator: " ", maxSplits: 1)
    return CurlAnswer(
      status: status.first.flatMap { Int($0) } ?? 0, contentType: status.count > 1 ? String(status[1]) : "",
      body: String(result.output[..<end.lowerBound]))
  }
}

struct CurlFailed: Error, CustomStringConvertible {
  let errors: String
  var description: String { errors }
}

/// Bodies of requests.
enum Ask {
  static func chat(_ prompt: String, model: String = Daemon.model, _ more: String = "") -> String {
    """
    {"model":"\(model)","messages":[{"role":"user","content":"\(prompt)"}],"temperature":0,\
    "chat_template_kwargs":{"enable_thinking":false}\(more)}
    """
  }

  /// A streamed answer that goes on for this many tokens.
  static func stream(tokens: Int, model: String = Daemon.model) -> String {
    chat("Tell me about the fall of Rome.", model: model, #","stream":true,"ignore_eos":true,"max_tokens":\#(tokens)"#)
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelAccess
import PetrelHTTP

/// What is asked of every request to one listener before its route is chosen.
package struct AccessControl: Sendable {
  private let hosts: HostPolicy
  private let origins: OriginPolicy
  /// Nil where no key is needed.
  private let keys: KeyGate?

  package init(hosts: HostPolicy, origins: OriginPolicy, keys: KeyGate? = nil) {
    self.hosts = hosts
    self.origins = origins
    self.keys = keys
  }

  enum Verdict {
    /// The request may go on. The use of its key, if it needs one, is kept until it is answered.
    case admitted(KeyUse?)
    case refused(AccessRefusal)
    /// The answer to a browser's question.
    case preflight(SimpleResponse)
  }

  func check(_ head: RequestHead) -> Verdict {
    let marks = RequestMarks(head.headers)
    if let refusal = misdirected(head, marks) { return .refused(refusal) }
    guard origins.allows(marks, head) else {
      // Scripts know this text from the reference.
      return .refused(AccessRefusal(.forbidden, "Origin not allowed", code: "origin_not_allowed"))
    }
    if let preflight = origins.preflight(head, marks) { return .preflight(preflight) }
    if let encoding = marks.contentEncoding, encoding.lowercased() != "identity", !encoding.isEmpty {
      // A small body that grows without bound when it is unpacked is an old trick.
      return .refused(
        AccessRefusal(
          .unsupportedMediaType, "bodies must not be compressed: Content-Encoding is not supported",
          code: "unsupported_encoding", headers: ["Accept-Encoding": "identity"]))
    }
    return admitted(head, marks)
  }

  /// The headers that every answer gets.
  func headers(_ head: RequestHead) -> HTTPHeaders { origins.headers(head) }

  private func misdirected(_ head: RequestHead, _ marks: RequestMarks) -> AccessRefusal? {
    // Nobody reaches a Unix socket by a name.
    if head.isFromUnixSocket { return nil }
    guard marks.hosts == 1, let host = head.authority ?? marks.host else {
      if marks.hosts == 0, head.version.major == 1, head.version.minor == 0 { return nil }
      return AccessRefusal(.badRequest, "a request must have one Host header", code: "invalid_host")
    }
    guard hosts.allows(host) else {
      return AccessRefusal(
        .forbidden,
        "\(Self.shown(host)) is not a name of this daemon; if it should be, put it into allowed-hosts "
          + "(PETREL_ALLOWED_HOSTS)", code: "host_not_allowed")
    }
    return nil
  }

  private func admitted(_ head: RequestHead, _ marks: RequestMarks) -> Verdict {
    // Whoever may open the socket's file may do as its owner.
    guard let keys, !head.isFromUnixSocket else { return .admitted(nil) }
    let need = AccessNeed(of: head)
    guard need != .nothing else { return .admitted(nil) }
    do throws(AccessDenial) {
      return .admitted(try keys.admit(marks.secret, for: need.scope))
    } catch {
      return .refused(AccessRefusal(error))
    }
  }

  private static func shown(_ host: String) -> String {
    let text = host.unicodeScalars.prefix(100).map { $0.value > 0x20 && $0.value < 0x7F ? String($0) : "?" }.joined()
    return "\"\(text)\""
  }
}

/// Why a request is not answered, before it is put into the form of its dialect.
struct AccessRefusal: Error, Sendable {
  let status: HTTPResponseStatus
  let message: String
  /// In dialects that have codes.
  let code: String
  var retryAfterSeconds: Int?
  var headers: HTTPHeaders = [:]

  init(_ status: HTTPResponseStatus, _ message: String, code: String, headers: HTTPHeaders = [:]) {
    self.status = status
    self.message = message
    self.code = code
    self.headers = headers
  }

  init(_ denial: AccessDenial) {
    switch denial {
    case .missing, .unknown, .expired:
      status = .unauthorized
      code = "invalid_api_key"
      headers = ["WWW-Authenticate": "Bearer"]
      let reason =
        switch denial {
        case .missing: "an API key is needed"
        case .expired: "the API key has expired"
        default: "the API key is not valid"
        }
      message =
        reason + "; `petrel keys create` makes one on the daemon's machine, and it is sent as `Authorization: Bearer` "
        + "or `x-api-key` (Petrel's commands take it from PETREL_API_KEY)"
    case .outOfScope(let scope):
      status = .forbidden
      code = "insufficient_scope"
      message = "the API key is not for this: it lacks the scope \(scope.rawValue)"
    case .tooManyRequests(let limit, let wait):
      status = .tooManyRequests
      code = "rate_limit_exceeded"
      message = "the API key allows \(limit) requests a minute; try again in \(wait) s"
      retryAfterSeconds = wait
    case .tooManyAtOnce(let limit):
      status = .tooManyRequests
      code = "concurrency_limit_exceeded"
      message = "the API key allows \(limit) requests at the same time; try again when one has been answered"
      retryAfterSeconds = 1
    }
  }
}

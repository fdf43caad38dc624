// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelRegistry

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension HubClient {
  /// What a refusing answer means. Decided by its status and by the hub's error code, never by its text.
  ///
  /// - Parameters:
  ///   - path: of the file that was asked for, if it was one.
  ///   - hasToken: whether a token went along.
  ///   - isPush: whether something was to be changed.
  func refusal(
    _ answer: WebAnswer, _ repository: String, of path: String?, hasToken: Bool, isPush: Bool = false
  ) async -> RegistryError {
    await answer.discard()
    let reason = answer.headers.first(name: "X-Error-Code") ?? ""
    guard let hub = try? url(""), Self.isSameOrigin(answer.url, hub) else {
      // The store that the hub redirected to: its address holds for a while only, and the next try gets a new one.
      return RegistryError(
        answer.status == .rangeNotSatisfiable ? .rangeNotSatisfiable : .unavailable,
        "\(path ?? repository): the server that Hugging Face redirects to answers \(answer.status.code)",
        retryAfter: answer.retryAfter)
    }
    let code = RegistryError.Code(hubStatus: answer.status.code)
    let page = Self.page(of: repository)
    let retryAfter = answer.retryAfter
    let text =
      switch (code, reason) {
      case (.unauthorized, _) where isPush, (.denied, _) where isPush:
        "the token may not write to \(repository): use one that may (see \(HubSettings.publicEndpoint)/settings/tokens)"
      case (.unauthorized, "GatedRepo"), (.denied, "GatedRepo"):
        hasToken
          ? "\(repository) is gated, and the token's account has no access: accept the terms at \(page) and try again"
          : "\(repository) is gated: accept the terms at \(page), then set HF_TOKEN to a token of that account"
      case (.unauthorized, _) where hasToken:
        "Hugging Face refuses the token, or \(repository) does not exist: check HF_TOKEN and the name"
      case (.unauthorized, _):
        "\(repository) does not exist, or is private or gated: check the name, or set HF_TOKEN to a token that may read "
          + "it (see \(page))"
      case (.denied, _):
        "the token may not read \(repository): accept the terms at \(page) if there are any, or use a token that may"
      case (.notFound, "RevisionNotFound"): "\(repository) has no such revision: check what stands behind the @"
      case (.notFound, _): path.map { "\(repository) has no file \($0)" } ?? "repository \(repository) not found"
      case (.rateLimited, _):
        "Hugging Face limits the rate of requests; try again "
          + (retryAfter.map { "in \($0.components.seconds) seconds" } ?? "later")
          + (hasToken ? "" : ", or set HF_TOKEN: known accounts may ask more often")
      case (.unavailable, _): "the hub answers \(answer.status.code); try again later"
      case (.rangeNotSatisfiable, _): "\(path ?? repository): the hub has no bytes at this offset"
      default: "the hub answers \(answer.status.code)"
      }
    return RegistryError(
      code,
      "failed to \(isPush ? "push" : "pull") model \"\(repository)\" \(isPush ? "to" : "from") Hugging Face: \(text)",
      retryAfter: retryAfter)
  }
}

extension RegistryError.Code {
  fileprivate init(hubStatus status: UInt) {
    switch status {
    case 401: self = .unauthorized
    case 403: self = .denied
    case 404, 410: self = .notFound
    case 416: self = .rangeNotSatisfiable
    case 429: self = .rateLimited
    case 408, 500...: self = .unavailable
    default: self = .invalidResponse
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where the hub is and who asks, as Hugging Face's own tools are told.
///
/// Source: huggingface_hub, "Environment variables".
package struct HubSettings: Sendable {
  package static let publicEndpoint = "https://huggingface.co"

  /// A URL without a slash at its end.
  package let endpoint: String
  private let environmentToken: String?
  private let tokenFile: String?

  /// - Parameters:
  ///   - endpoint: `HF_ENDPOINT` or what stands in for it.
  ///   - environment: read for `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN`, `HF_TOKEN_PATH`, `HF_HOME`, `XDG_CACHE_HOME`, `HOME`.
  package init(endpoint: String = HubSettings.publicEndpoint, environment: [String: String]) {
    func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    var endpoint = endpoint
    while endpoint.hasSuffix("/") { endpoint.removeLast() }
    self.endpoint = endpoint
    environmentToken =
      [variable("HF_TOKEN"), variable("HUGGING_FACE_HUB_TOKEN")].compactMap { $0 }
      .compactMap(Self.usable).first
    let cache = variable("XDG_CACHE_HOME") ?? variable("HOME").map { $0 + "/.cache" }
    let home = variable("HF_HOME") ?? cache.map { $0 + "/huggingface" }
    tokenFile = variable("HF_TOKEN_PATH") ?? home.map { $0 + "/token" }
  }

  /// The token of the environment, else that of the file that Hugging Face's `login` writes. Read each time: it may
  /// come while the daemon runs.
  package var token: String? {
    if let environmentToken { return environmentToken }
    guard let tokenFile, let data = FileManager.default.contents(atPath: tokenFile), data.count <= 4096 else {
      return nil
    }
    return Self.usable(String(decoding: data, as: UTF8.self))
  }

  /// The token without blanks around it; nil when it could not stand in a header.
  static func usable(_ text: String) -> String? {
    let bytes = text.utf8.drop { $0 <= 0x20 }.reversed().drop { $0 <= 0x20 }.reversed()
    guard !bytes.isEmpty, bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
    return String(decoding: Array(bytes), as: UTF8.self)
  }
}

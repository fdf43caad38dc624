// SPDX-License-Identifier: Apache-2.0

import PetrelEngines

/// Where the Responses API is served.
enum ResponsesPaths {
  private static let bases: [String] = ["", APIPath.dockerPrefix].flatMap { prefix in
    [
      "/responses", "/v1/responses", "/engines/responses", "/engines/v1/responses",
      "/engines/\(LlamaCpp.name)/v1/responses",
    ]
    .map { prefix + $0 }
  }

  /// The segments after the base: none, an id, or an id and a word. Nil for other paths.
  static func segments(_ path: String) -> [Substring]? {
    // Nearly all requests are for something else.
    guard path.utf8.count >= 10, path.contains("/responses") else { return nil }
    for base in bases where path.hasPrefix(base) {
      let rest = path.dropFirst(base.count)
      if rest.isEmpty { return [] }
      if rest.hasPrefix("/") { return rest.split(separator: "/") }
    }
    return nil
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelAPI
import PetrelHTTP
import PetrelLibrary
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// `GET /anthropic/v1/models` and `GET /anthropic/v1/models/{name}`: models in Anthropic's form.
struct AnthropicModelRoutes: Sendable {
  let library: ModelLibrary

  /// - Parameter segments: of the path, after `/anthropic`. Nil when they are not those of models.
  func route(_ head: RequestHead, _ segments: ArraySlice<Substring>) -> Route? {
    guard segments.starts(with: ["v1", "models"]) else { return nil }
    guard head.isRead else { return APIServer.wrongMethod("GET", head) }
    let name = segments.dropFirst(2).joined(separator: "/")
    guard name.isEmpty else {
      return .respond { [library] _, _ in .json(Self.node(ModelObject(try await library.resolve(name)))) }
    }
    return .respond { [library] _, _ -> SimpleResponse in
      let models = try await library.list().map { Self.node(ModelObject($0)) }
      let list: JSONNode = [
        "data": .array(models), "has_more": false, "first_id": models.first?["id"] ?? .null,
        "last_id": models.last?["id"] ?? .null,
      ]
      return .json(list)
    }
  }

  private static func node(_ model: ModelObject) -> JSONNode {
    let id = model.tags?.first ?? "\(model.id)"
    let time = Date(timeIntervalSince1970: Double(model.created)).formatted(.iso8601)
    return ["type": "model", "id": .string(id), "display_name": .string(id), "created_at": .string(time)]
  }
}

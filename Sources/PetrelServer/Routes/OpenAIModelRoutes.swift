// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelHTTP
import PetrelLibrary

/// `GET …/v1/models` and `GET …/v1/models/{name}`.
struct OpenAIModelRoutes: Sendable {
  let library: ModelLibrary

  func route(_ head: RequestHead, _ segments: ArraySlice<Substring>) -> Route {
    guard head.isRead else { return APIServer.wrongMethod("GET", head) }
    guard !segments.isEmpty else {
      return .respond { [library] _, _ in
        let models = try await library.list().map(ModelObject.init)
        return try .json(OpenAIModelList(data: models.map { OpenAIModel(id: $0.tags?.first ?? "\($0.id)", model: $0) }))
      }
    }
    let name = segments.joined(separator: "/")
    return .respond { [library] _, _ in
      let model = ModelObject(try await library.resolve(name))
      return try .json(OpenAIModel(id: model.tags?.first ?? "\(model.id)", model: model))
    }
  }
}

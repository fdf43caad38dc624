// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// A model in OpenAI's form, with Docker Model Runner's additions under `dmr`.
package struct OpenAIModel: Codable, Sendable {
  package struct Details: Codable, Sendable {
    /// Tokens.
    package var contextWindow: Int?
    package var architecture: String?
    package var parameters: String?
    package var quantization: String?
    package var size: String?

    enum CodingKeys: String, CodingKey {
      case contextWindow = "context_window"
      case architecture, parameters, quantization, size
    }
  }

  package var id: String
  package var object: String
  /// Seconds since 1970.
  package var created: Int64
  package var ownedBy: String
  package var dmr: Details?

  /// - Parameter id: a tag, or the model's ID when it has none.
  package init(id: String, model: ModelObject) {
    self.id = id
    object = "model"
    created = model.created
    ownedBy = "docker"
    dmr = Details(
      contextWindow: model.contextSize, architecture: model.config.architecture,
      parameters: model.config.parameters, quantization: model.config.quantization, size: model.config.size)
  }

  enum CodingKeys: String, CodingKey {
    case id, object, created
    case ownedBy = "owned_by"
    case dmr
  }
}

/// Answer of `GET …/v1/models`.
package struct OpenAIModelList: Codable, Sendable {
  package var object: String
  package var data: [OpenAIModel]

  package init(data: [OpenAIModel]) {
    object = "list"
    self.data = data
  }
}

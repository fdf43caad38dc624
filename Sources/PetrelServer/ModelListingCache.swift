// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelAPI
import PetrelLibrary
import PetrelOCI
import PetrelStore
import PetrelWire
import Synchronization

/// Makes the list of models. A model never changes but for its tags, so its JSON is made once: with a thousand models
/// that is nearly all the work.
final class ModelListingCache: Sendable {
  private struct Object {
    let tags: [String]
    let json: String
  }

  private let known = Mutex<[Digest: Object]>([:])

  /// A JSON array and a newline.
  func json(of models: [StoredModel]) throws -> ByteBuffer {
    let known = known.withLock { $0 }
    var used: [Digest: Object] = [:]
    used.reserveCapacity(models.count)
    var body = ByteBuffer(string: "[")
    for (number, model) in models.enumerated() {
      let object: Object
      if let found = known[model.id], found.tags == model.tags {
        object = found
      } else {
        object = Object(tags: model.tags, json: try CanonicalJSONEncoder().encode(ModelObject(model)))
      }
      used[model.id] = object
      if number > 0 { body.writeStaticString(",") }
      body.writeString(object.json)
    }
    body.writeStaticString("]\n")
    self.known.withLock { $0 = used }
    return body
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelAPI
import PetrelHTTP
import PetrelLibrary

/// `POST /models/import`: models made of files that the request names by their paths.
struct ImportRoutes: Sendable {
  let library: ModelLibrary

  /// Only the daemon's own user can open its Unix socket. Nobody else may make the daemon read files.
  func route(_ head: RequestHead) -> Route {
    guard head.isFromUnixSocket else {
      return .answer(
        TextError(.forbidden, "models are imported over the daemon's Unix socket only: it opens local files").response)
    }
    return .respond { [library] _, body in
      do {
        let request: ImportRequest = try ModelRoutes.decode(body)
        return try .json(try await library.importModel(request), status: .created)
      } catch {
        throw ErrorMapping.text(error, operation: "importing") ?? error
      }
    }
  }
}

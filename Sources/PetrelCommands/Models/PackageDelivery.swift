// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelClient
import PetrelOCI
import PetrelPackaging
import PetrelTerminal
import SystemPackage

/// Brings a packaged model to the daemon: the names of its files where both are on one machine, else their bytes.
struct PackageDelivery {
  let package: ModelPackage
  /// As the user typed it.
  let model: String
  /// Whether files may become the store's own where they cannot be cloned.
  let mayLink: Bool
  let context: CommandContext

  func deliver(to client: DaemonClient) async throws {
    let reference = try context.names.parse(model)
    if case .unixSocket = client.endpoint.transport, let request = adoption(tag: "\(reference)") {
      do {
        let response = try await client.adopt(request)
        if mayLink, response.copied > 0 {
          context.errors.notice(
            "The store has \(response.copied) files as copies: they are on another file system than the store")
        }
        return
      } catch let error as ClientError where Self.meansOtherMachine(error) {
        // The socket may lead into a container, or to a daemon that does not know how.
      }
    }
    if mayLink { context.errors.notice("The daemon cannot see the files, so their bytes are sent") }
    let archive = ModelArchive(package)
    _ = try await client.load(archive, byteCount: archive.size) { line in
      if line.type == .warning { context.errors.notice("Warning: \(line.message)") }
    }
    try await client.tag("\(package.id)", as: model, names: context.names)
  }

  /// Nil when a layer is no file.
  private func adoption(tag: String) -> AdoptRequest? {
    var files: [AdoptRequest.File] = []
    for layer in package.layers {
      switch layer.content {
      case .stored: continue
      case .tar, .file(_, nil): return nil
      case .file(let path, let identity?):
        files.append(
          AdoptRequest.File(
            digest: layer.descriptor.digest, path: path.string, size: identity.size, device: identity.device,
            inode: identity.inode, modified: identity.modified))
      }
    }
    return AdoptRequest(
      manifest: String(decoding: package.manifestBytes, as: UTF8.self),
      config: String(decoding: package.configBytes, as: UTF8.self), files: files, tag: tag, link: mayLink)
  }

  private static func meansOtherMachine(_ error: ClientError) -> Bool {
    switch error.status {
    case 403, 404, 405, 409: true
    default: false
    }
  }
}

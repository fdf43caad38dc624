// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelOCI
import PetrelStore
import SystemPackage

/// Finds out whether damaged files are why an engine could not load a model.
actor LoadFailureCheck {
  /// So many bytes are read while the error waits; what is more is read in the background.
  private static let patience: Int64 = 512 * 1024 * 1024

  private let store: ModelStore
  private let logger: Logger
  private var running: [Digest: Task<Void, Never>] = [:]
  private var isClosed = false

  init(store: ModelStore, logger: Logger) {
    self.store = store
    self.logger = logger
  }

  /// What to tell about the model's files; nil when they are in order. What is damaged counts as missing from now on, so
  /// that a pull brings it again.
  func explain(_ id: Digest, name: String) async -> String? {
    guard !isClosed, let inspection = try? await store.inspect([id]) else { return nil }
    let damage = inspection.findings.filter { $0.kind.isDamage && $0.kind != .staleBundle }
    if let first = damage.first { return Self.sentence(first, name) }
    var unread: [FileToVerify] = []
    for file in inspection.files where (try? await store.isVerified(file)) == false { unread.append(file) }
    guard unread.reduce(0, { $0 + $1.size }) > Self.patience else {
      return await firstDamage(unread).map { Self.sentence($0, name) }
    }
    if running[id] == nil {
      // Awaited by `close`, which cancels it.
      running[id] = Task {
        if let finding = await firstDamage(unread) {
          logger.error(
            "a model is damaged", metadata: ["model": "\(name)", "reason": "\(Self.sentence(finding, name))"])
        }
        running[id] = nil
      }
    }
    return "the model's files are being checked for damage; try again later, or run `petrel fsck \(name)` to watch"
  }

  /// Stops what is running.
  func close() async {
    isClosed = true
    for check in running.values { check.cancel() }
    for check in running.values { await check.value }
  }

  private func firstDamage(_ files: [FileToVerify]) async -> StoreFinding? {
    for file in files {
      guard let finding = try? await store.verify(file) else {
        if Task.isCancelled { return nil }
        continue
      }
      if finding.kind == .damagedBlob, let digest = finding.digest { try? await store.markDamaged(digest) }
      if finding.kind == .staleBundle { for id in finding.models { try? await store.discardBundle(id) } }
      return finding
    }
    return nil
  }

  private static func sentence(_ finding: StoreFinding, _ name: String) -> String {
    "the model's file \(finding.path.lastComponent?.string ?? "") is damaged: \(finding.message); run `petrel fsck "
      + "--repair \(name)` to bring it again"
  }
}

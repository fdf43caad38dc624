// SPDX-License-Identifier: Apache-2.0

import Dispatch
import SystemPackage

/// One change that a store is about to make to its folder.
package struct DiskChange: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case create, write, truncate, sync, rename, link, clone, remove, makeFolder, removeFolder, setPermissions
  }

  package let kind: Kind
  /// What is changed; of a rename or link, the name that is there already.
  package let path: FilePath
  /// The new name of a rename or link.
  package let target: FilePath?
}

/// Told of each change before it is made; throwing an error keeps it from being made. A test can stop a store before any
/// of its steps, as a crash would, or tell it that the disk is full.
package typealias DiskProbe = @Sendable (DiskChange) throws(Errno) -> Void

/// The probe of the store on whose behalf a lane works. It goes with the lane and not with the task: system calls are
/// made where there is no task.
enum DiskWatch {
  private static let key = DispatchSpecificKey<DiskProbe>()

  static func willChange(_ kind: DiskChange.Kind, _ path: FilePath, to target: FilePath? = nil) throws(Errno) {
    guard let probe = DispatchQueue.getSpecific(key: key) else { return }
    try probe(DiskChange(kind: kind, path: path, target: target))
  }

  /// Lets `probe` see all that is ever done on `queue`.
  static func watch(_ queue: DispatchQueue, _ probe: DiskProbe?) {
    if let probe { queue.setSpecific(key: key, value: probe) }
  }

  /// Runs `work`, which must be on `lane`, under the eyes of `probe`.
  static func watching<R>(_ lane: DispatchQueue, _ probe: DiskProbe?, _ work: () throws -> R) rethrows -> R {
    guard let probe else { return try work() }
    lane.setSpecific(key: key, value: probe)
    defer { lane.setSpecific(key: key, value: nil) }
    return try work()
  }
}

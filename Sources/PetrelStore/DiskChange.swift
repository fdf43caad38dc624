// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// One change that a store is about to make to its folder.
package struct DiskChange: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case create, write, sync, rename, link, remove, makeFolder, removeFolder, setPermissions
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

/// The probe of the store on whose behalf this thread works.
enum DiskWatch {
  @TaskLocal static var probe: DiskProbe?

  static func willChange(_ kind: DiskChange.Kind, _ path: FilePath, to target: FilePath? = nil) throws(Errno) {
    try probe?(DiskChange(kind: kind, path: path, target: target))
  }
}

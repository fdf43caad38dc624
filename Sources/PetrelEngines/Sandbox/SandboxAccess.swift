// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// What a confined engine may reach beside the operating system's own programs and libraries.
struct SandboxAccess: Sendable, Equatable {
  /// Files and folders that it may read, and not change.
  var readable: Set<FilePath> = []
  /// The only folder that it may write to; its socket is in there.
  var writable: FilePath?
  var usesNetwork = false
  /// The user's home folder, which is never made readable as a whole.
  let home: FilePath?

  init(home: FilePath?, writable: FilePath? = nil) {
    self.home = home
    self.writable = writable
  }

  /// Makes a program readable with what lies beside it: a link's target, and the libraries of a folder called `bin`.
  mutating func allow(program: FilePath) {
    for path in Set([program, Executable.realPath(program)]) {
      allow(folderOf: path)
      let folder = path.removingLastComponent()
      guard folder.lastComponent == "bin" else { continue }
      for sibling in ["lib", "lib64"] { allow(folder.removingLastComponent().appending(sibling)) }
    }
  }

  /// Makes a file readable with its folder, where the other parts of a model are. Where the folder holds the user's home
  /// there is only the file.
  mutating func allow(folderOf file: FilePath) {
    let folder = file.removingLastComponent()
    readable.insert(mayShow(folder) ? folder : file)
  }

  /// Makes a file or a folder readable, unless it holds the user's home.
  mutating func allow(_ path: FilePath) {
    if path.isAbsolute, mayShow(path) { readable.insert(path) }
  }

  private func mayShow(_ folder: FilePath) -> Bool {
    folder.components.count > 0 && home?.starts(with: folder) != true
  }

  /// ``readable``, folders before what is in them.
  var readableInOrder: [FilePath] {
    readable.sorted { ($0.components.count, $0.string) < ($1.components.count, $1.string) }
  }
}

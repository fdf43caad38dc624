// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Makes a folder with `bin` and `lib` of an image's files: the server, what lies beside it, and all libraries that
/// these need, down to the C library and its loader. So it runs on machines with another or an older one.
///
/// A foreign program has the paths of its libraries built in. It is not changed; a script starts it by the image's own
/// loader, which is told where they are. The loader lies beside the program, as llama.cpp looks for its backends in the
/// folder of the running program, and that is the loader then.
struct EngineAssembly {
  private let files: ImageFiles

  init(_ files: ImageFiles) { self.files = files }

  func write(to destination: FilePath) throws {
    guard let server = files.path(named: EngineFileNames.server) else {
      throw EngineImageError(.noEngine, "the image has no \(EngineFileNames.server)")
    }
    let folder = Self.folder(of: server)
    for name in ["bin", "lib"] {
      try FileManager.default.createDirectory(
        atPath: destination.appending(name).string, withIntermediateDirectories: true)
    }
    let beside = files.nodes.keys.filter { Self.folder(of: $0) == folder }
    var placed: Set<String> = []
    var waiting: [FilePath] = []
    var interpreter: String?
    for path in beside.sorted() {
      let name = ImageFiles.lastComponent(path)
      guard let content = files.content(of: path) else { continue }
      let isProgram = !EngineFileNames.isLibrary(name)
      guard let program = ELFFile(content) else {
        if isProgram { throw EngineImageError(.noEngine, "the image's \(name) is no program of this machine's kind") }
        continue
      }
      waiting.append(content)
      try put(content, as: isProgram ? Self.hidden(name) : name, in: destination.appending("bin"))
      placed.insert(name)
      if isProgram {
        interpreter = try addLoader(program.interpreter, destination) ?? interpreter
        try writeStarter(name, loader: program.interpreter.map(ImageFiles.lastComponent), destination)
      }
    }
    if let interpreter { placed.insert(interpreter) }
    while let content = waiting.popLast() {
      for name in ELFFile(content)?.needed ?? [] where placed.insert(name).inserted {
        // What is missing is the driver of a GPU, which comes from the machine.
        guard EngineFileNames.isLibrary(name), let path = files.path(named: name),
          let library = files.content(of: path)
        else { continue }
        try put(library, as: name, in: destination.appending("lib"))
        waiting.append(library)
      }
    }
  }

  private static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
  }

  /// A program's name beside the script that starts it.
  private static func hidden(_ name: String) -> String { name + ".bin" }

  private func put(_ content: FilePath, as name: String, in folder: FilePath) throws {
    // A link, as several names may have the same content; the content's own name goes away with the rest of the image.
    try FileManager.default.linkItem(atPath: content.string, toPath: folder.appending(name).string)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.appending(name).string)
  }

  /// - Returns: the loader's name; nil for a program that needs none.
  private func addLoader(_ interpreter: String?, _ destination: FilePath) throws -> String? {
    guard let interpreter else { return nil }
    let name = ImageFiles.lastComponent(interpreter)
    guard EngineFileNames.isLibrary(name), let path = files.path(named: name), let content = files.content(of: path)
    else {
      throw EngineImageError(.noEngine, "the image has no \(interpreter), by which its engine is started")
    }
    if !FileManager.default.fileExists(atPath: destination.appending("bin").appending(name).string) {
      try put(content, as: name, in: destination.appending("bin"))
    }
    return name
  }

  private func writeStarter(_ name: String, loader: String?, _ destination: FilePath) throws {
    let start = loader.map { #""$here/\#($0)" --library-path "$here:$here/../lib" "# } ?? ""
    let script = """
      #!/bin/sh
      # Starts the program of an image with the image's own libraries.
      here=${0%/*}
      exec \(start)"$here/\(Self.hidden(name))" "$@"

      """
    let path = destination.appending("bin").appending(name)
    try Data(script.utf8).write(to: URL(filePath: path.string))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path.string)
  }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import Subprocess
import SystemPackage
import Testing

/// A folder of its own for each test, with everything that Petrel would keep in the user's home.
struct Scratch: Sendable {
  let folder: FilePath
  let setup: Setup
  /// What daemons and commands get as their environment.
  var environment: [String: String]

  var home: FilePath { folder.appending("p") }
  var socket: FilePath { home.appending("petrel.sock") }
  var models: FilePath { folder.appending("m") }
  var docker: FilePath { folder.appending("docker") }

  private init() throws {
    setup = try Setup()
    // Sockets need short paths.
    folder = FilePath("/tmp/ptr-\(String(UInt32.random(in: .min ... .max), radix: 36))")
    environment = [
      "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
      "HOME": folder.appending("home").string,
      "PETREL_HOME": folder.appending("p").string,
      "MODELS_PATH": folder.appending("m").string,
      "DOCKER_CONFIG": folder.appending("docker").string,
      "LLAMA_SERVER_PATH": setup.engine,
      // Threads that wait for each other crawl on a machine that is busy with other tests.
      "LLAMA_ARGS": "--metrics --threads 1",
      "LANG": "C.UTF-8",
    ]
    for name in ["home", "p", "docker"] {
      try FileManager.default.createDirectory(
        atPath: folder.appending(name).string, withIntermediateDirectories: true)
    }
    // The port of daemons that commands start.
    try write("port: 0\n", to: "p/config.yaml")
  }

  /// Calls `body` with a new folder, checks that none of its engines is left, and removes it.
  static func with<Result>(_ body: (Scratch) async throws -> Result) async throws -> Result {
    let scratch = try Scratch()
    defer { try? FileManager.default.removeItem(atPath: scratch.folder.string) }
    let result: Result
    do {
      result = try await body(scratch)
    } catch {
      // A daemon that was killed for the error's sake leaves its engines.
      for engine in (try? await scratch.engines()) ?? [] { Processes.send(.kill, to: engine) }
      throw error
    }
    #expect(try await scratch.engines() == [], "engines are left")
    #expect(!FileManager.default.fileExists(atPath: scratch.socket.string), "the socket is left")
    #expect(scratch.files(below: "p/run") == [], "files of engines are left")
    return result
  }

  @discardableResult
  func write(_ text: String, to name: String, executable: Bool = false) throws -> FilePath {
    let path = folder.appending(name)
    try FileManager.default.createDirectory(
      atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(filePath: path.string))
    if executable {
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path.string)
    }
    return path
  }

  func read(_ name: String) -> String {
    String(decoding: FileManager.default.contents(atPath: folder.appending(name).string) ?? Data(), as: UTF8.self)
  }

  /// Paths of the files (folders left out) below a folder, relative to it.
  func files(below name: String) -> [String] {
    let root = folder.appending(name).string
    return (FileManager.default.subpaths(atPath: root) ?? []).filter { path in
      !FilePath("\(root)/\(path)").isFolder
    }.sorted()
  }

  /// Whether there is such a file, also a socket, in Petrel's home.
  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: home.appending(name).string) }

  func size(of name: String) -> Int {
    let attributes = try? FileManager.default.attributesOfItem(atPath: folder.appending(name).string)
    return (attributes?[.size] as? NSNumber)?.intValue ?? 0
  }

  /// IDs of the engines of this folder's daemons.
  func engines() async throws -> [Int32] {
    try await Processes.running(home.appending("run").string) { !$0.hasSuffix("/bwrap") }
  }

  /// Runs the binary's command line.
  func petrel(
    _ arguments: String..., input: String = "", environment extra: [String: String] = [:]
  ) async throws -> Finished {
    try await run(setup.petrel, arguments, input: input, environment: extra)
  }

  /// Runs any program in this environment.
  func run(
    _ program: String, _ arguments: [String], input: String = "", environment extra: [String: String] = [:]
  ) async throws -> Finished {
    try await Program.run(
      program, arguments, environment: environment.merging(extra) { $1 }, input: input)
  }
}

extension FilePath {
  fileprivate var isFolder: Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: string, isDirectory: &isFolder) && isFolder.boolValue
  }
}

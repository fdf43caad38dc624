// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelTestSupport
import Synchronization
import SystemPackage
import Testing

@testable import PetrelEngines

@Suite(.timeLimit(.minutes(10))) struct LlamaCppInstallerTests {
  /// Plays pip: notes its arguments and "builds" two programs, or breaks where a file `broken` is.
  private static let python = #"""
    #!/bin/sh
    here=$(dirname "$0")
    echo "$CMAKE_ARGS $*" >> "$here/calls"
    [ -e "$here/broken" ] && { echo "no way to PyPI"; exit 1; }
    while [ "$1" != --target ]; do shift; done
    mkdir -p "$2/bin" "$2/lib"
    printf '#!/bin/sh\n' > "$2/bin/llama-server"
    chmod +x "$2/bin/llama-server"
    """#

  private func withInstaller(
    _ more: [String: String] = [:], _ body: (LlamaCppInstaller, FilePath) async throws -> Void
  ) async throws {
    try await withTemporaryFolder { folder in
      try folder.appending("bin/python3").write(Self.python, mode: 0o755)
      var environment = ["PATH": "\(folder)/bin:/usr/bin:/bin", "HOME": folder.string]
      environment.merge(more) { $1 }
      let engine = LlamaCpp(home: folder.appending("home"), environment: environment)
      try await body(LlamaCppInstaller(engine: engine, environment: environment), folder)
    }
  }

  private func calls(_ folder: FilePath) -> [Substring] { folder.appending("bin/calls").text.split(separator: "\n") }

  @Test func `A version is built once, with RPC, and pip keeps it apart from other builds`() async throws {
    try await withInstaller { installer, folder in
      let first = try await installer.install(version: "1.2.3", force: false) { _ in }
      #expect(first.isNew)
      #expect(first.directory == folder.appending("home/engines/llama.cpp/1.2.3"))
      #expect(try await !installer.install(version: "1.2.3", force: false) { _ in }.isNew)
      let call = try #require(calls(folder).first)
      #expect(calls(folder).count == 1)
      #expect(call.contains("-DGGML_RPC=ON"))
      #expect(call.contains("--cache-dir \(folder)/.cache/petrel/pip-"))
      #expect(try await installer.install(version: "1.2.3", force: true) { _ in }.isNew)
    }
  }

  @Test func `With the user's own options nothing is kept, and nothing taken that was kept`() async throws {
    try await withInstaller(["CMAKE_ARGS": "-DGGML_CUDA=ON"]) { installer, folder in
      _ = try await installer.install(version: "1", force: false) { _ in }
      #expect(calls(folder).first?.contains("-DGGML_CUDA=ON") == true)
      #expect(calls(folder).first?.contains("--no-cache-dir") == true)
    }
  }

  @Test func `What an earlier Petrel has built is built again, and stays when that fails`() async throws {
    try await withInstaller { installer, folder in
      let old = folder.appending("home/engines/llama.cpp/1/bin/llama-server")
      try old.write("#!/bin/sh\n# old\n", mode: 0o755)
      try folder.appending("bin/broken").write("")
      let notes = Notes()
      #expect(try await !installer.install(version: "1", force: false) { notes.add($0) }.isNew)
      #expect(old.text.contains("old"))
      #expect(notes.all.contains { $0.contains("stays as it is") && $0.contains("no way to PyPI") })
      let error = await #expect(throws: EngineError.self) {
        try await installer.install(version: "1", force: true) { _ in }
      }
      #expect(error?.code == .installFailed)
      #expect(old.text.contains("old"))
      try FileManager.default.removeItem(atPath: folder.appending("bin/broken").string)
      #expect(try await installer.install(version: "1", force: false) { _ in }.isNew)
      #expect(!old.text.contains("old"))
      #expect(folder.appending("home/engines/llama.cpp").names == ["1"])
    }
  }

  @Test func `A worker is found beside the engine, or what to do is said`() async throws {
    try await withTemporaryFolder { folder in
      try folder.appending("llama-server").write("#!/bin/sh\n", mode: 0o755)
      let engine = LlamaCpp(home: folder, environment: ["LLAMA_SERVER_PATH": folder.string])
      let worker = RPCWorker(engine: engine, sandbox: Sandbox(mode: .off, environment: [:]))
      let error = #expect(throws: EngineError.self) { try worker.locate() }
      #expect(error?.message.contains("built without RPC") == true)
      for name in ["rpc-server", "ggml-rpc-server"] {
        try folder.appending(name).write("#!/bin/sh\n", mode: 0o755)
        #expect(try worker.locate() == folder.appending(name))
      }
    }
  }
}

/// Lines that were told, from any thread.
private final class Notes: Sendable {
  private let lines = Mutex<[String]>([])
  var all: [String] { lines.withLock { $0 } }
  func add(_ line: String) { lines.withLock { $0.append(line) } }
}

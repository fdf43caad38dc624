// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelProcess

@Suite struct OwnOutputTests {
  private func withOutput(_ body: (OwnOutput, FileDescriptor, FilePath) throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("daemon.log")
      let file = try FileDescriptor.open(
        path, .writeOnly, options: [.create, .append, .closeOnExec], permissions: .ownerReadWrite)
      defer { try? file.close() }
      try body(OwnOutput(path: path, limit: 100, descriptors: [file]), file, path)
    }
  }

  @Test func `A full file is set aside, and the same descriptor writes to a new one`() async throws {
    try await withOutput { output, file, path in
      let older = FilePath(path.string + ".1")
      for round in 0..<50 {
        try file.writeAll("line \(round) of a log that goes on and on\n".utf8)
        output.trim()
        #expect(path.text.utf8.count <= 100)
      }
      #expect(older.text.hasPrefix("line "))
      #expect(older.text.utf8.count < 200)
      // Nothing is lost between the two.
      try file.writeAll("the end\n".utf8)
      let last = (older.text + path.text).split(separator: "\n")
      #expect(last.last == "the end")
      #expect(last.dropLast().last == "line 49 of a log that goes on and on")
    }
  }

  @Test func `When there can be no new file, the full one keeps its name until there can`() async throws {
    try await withOutput { output, file, path in
      let text = String(repeating: "x", count: 200)
      try file.writeAll(text.utf8)
      // A folder in the way of the new file.
      let obstacle = FilePath(path.string + ".new")
      try obstacle.appending("file").write("")
      output.trim()
      #expect(path.text == text)
      try FileManager.default.removeItem(atPath: obstacle.string)
      output.trim()
      #expect(path.text.isEmpty)
      #expect(FilePath(path.string + ".1").text == text)
      #expect(!obstacle.exists)
    }
  }

  @Test func `Output that went elsewhere is left alone`() async throws {
    try await withOutput { output, file, path in
      try file.writeAll(String(repeating: "x", count: 200).utf8)
      // Somebody else has put another file in its place.
      let moved = FilePath(path.string + ".moved")
      try moved.write(path.text)
      try FilePath(path.string).write("")
      let other = OwnOutput(path: moved, limit: 100, descriptors: [file])
      other.trim()
      #expect(moved.text.count == 200)
    }
  }
}

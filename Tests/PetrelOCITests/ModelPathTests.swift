// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Testing

@Suite struct ModelPathTests {
  @Test(arguments: [
    ("a/b", ["a", "b"]), ("foo/../bar", ["bar"]), ("dir/", ["dir"]), ("./a", ["a"]), ("a//b", ["a", "b"]),
    ("..a/b..", ["..a", "b.."]),
  ])
  func accepted(path: String, components: [String]) throws {
    #expect(try ModelPath.components(of: path) == components)
    #expect(try ModelPath.repairedComponents(of: path) == components)
  }

  @Test(arguments: ["..", "../x", "a/../../x", "/x", ".", "", "a\u{0}b", "a/..", "/", "./."])
  func refused(path: String) {
    #expect(throws: OCIError.self) { try ModelPath.components(of: path) }
  }

  /// To `String`, a slash with a mark behind it, or with a sign before it that joins the next, is no slash.
  @Test(arguments: [
    "../\u{301}x", "a/../\u{301}\u{600}/../../x", "../\u{301}\u{600}/../x", "/\u{301}x", "\u{600}/../../x",
  ])
  func slashesAreBytes(path: String) {
    #expect(throws: OCIError.self) { try ModelPath.components(of: path) }
    if let repaired = try? ModelPath.repairedComponents(of: path) {
      #expect(repaired.allSatisfy { !$0.utf8.contains(UInt8(ascii: "/")) && $0 != ".." })
    }
  }

  @Test(arguments: [
    ("../../home/u/t/m.safetensors", ["home", "u", "t", "m.safetensors"]), ("../x", ["x"]), ("a/../../x", ["x"]),
    ("../a/../../b", ["b"]),
  ])
  func repaired(path: String, components: [String]) throws {
    #expect(try ModelPath.repairedComponents(of: path) == components)
  }

  @Test(arguments: ["..", "../..", "/x", "/../x", "", ".", "../\u{0}", "a/../.."])
  func beyondRepair(path: String) {
    #expect(throws: OCIError.self) { try ModelPath.repairedComponents(of: path) }
  }
}

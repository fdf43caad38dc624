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

// SPDX-License-Identifier: Apache-2.0

import PetrelCommands

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@main
enum Petrel {
  static func main() async {
    exit(await PetrelProgram.run(arguments: CommandLine.arguments))
  }
}

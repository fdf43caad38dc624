// SPDX-License-Identifier: Apache-2.0

/// The flags that a user may give to an engine. What is not listed is refused, so everything that names a file, a URL, an
/// address or a command is.
package struct FlagTable: Sendable {
  /// One flag with all its names, the one that messages use last.
  struct Flag: Sendable {
    let names: [String]
    let value: FlagValue
    /// Why it is refused though the reference allows it: it would take from the daemon what it needs.
    var refusal: String?

    var name: String { names.last ?? "" }
  }

  /// The engine's name on the wire.
  package let engine: String
  private let flags: [String: Flag]

  init(engine: String, _ flags: [Flag]) {
    self.engine = engine
    var table: [String: Flag] = [:]
    for flag in flags { for name in flag.names { table[name] = flag } }
    self.flags = table
  }

  /// Names of all flags.
  var names: [String] { flags.keys.sorted() }

  /// The flag that an engine would take `key` for. llama.cpp reads underscores in long flags as dashes.
  subscript(key: String) -> Flag? {
    guard key.hasPrefix("--") else { return flags[key] }
    return flags[key.replacing("_", with: "-")]
  }

  /// The table of an engine. Engines that take no flags have an empty one.
  package static func table(for engine: String) -> FlagTable {
    switch engine {
    case llamaCpp.engine: llamaCpp
    case vllm.engine: vllm
    default: FlagTable(engine: engine, [])
    }
  }
}

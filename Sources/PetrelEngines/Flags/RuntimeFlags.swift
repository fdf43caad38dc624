// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// A user's flags for an engine, taken apart and found to be harmless.
package struct RuntimeFlags: Sendable, Equatable {
  /// One flag in the spelling of the table with its values.
  struct Item: Sendable, Equatable {
    /// As the user wrote it, without `=` and its value.
    var key: String
    /// The name by which the table calls it.
    var name: String
    var values: [String]
  }

  private(set) var items: [Item] = []

  /// Takes `elements` apart as the engine would: `--flag value`, `--flag=value`, `-f value`.
  ///
  /// - Parameter elements: flags and values, each an element, or flag and value together with `=`.
  /// - Throws: ``EngineError`` with code `invalidSettings` at the first element that is not allowed.
  package init(parsing elements: [String], for table: FlagTable) throws(EngineError) {
    guard elements.count <= 1024 else { throw Self.invalid("more than 1024 runtime flags") }
    var rest = elements[...]
    while let element = rest.popFirst() {
      guard element.hasPrefix("-") else {
        try Self.checkPath(element)
        throw Self.invalid("runtime flag \(quoted(element)) belongs to no flag before it; flags begin with '-'")
      }
      let (key, attached) = Self.split(element)
      guard let flag = table[key] else {
        throw Self.invalid("runtime flag \(quoted(key)) is not allowed for backend \"\(table.engine)\"")
      }
      if let refusal = flag.refusal {
        throw Self.invalid(
          "runtime flag \(quoted(key)) is not allowed for backend \"\(table.engine)\": \(refusal)")
      }
      if let attached, attached.hasPrefix("-"), !Self.isNegativeNumber(attached) {
        throw Self.invalid(
          "invalid flag \(quoted(element)): value cannot start with '-' unless followed by a digit")
      }
      let values = try Self.values(of: flag, key, attached, &rest)
      for value in values {
        if !flag.value.mayHoldSlashes { try Self.checkPath(attached == nil ? value : element) }
        if let complaint = flag.value.complaint(about: value) {
          throw Self.invalid("runtime flag \(quoted(key)) is \(quoted(value)), but it must be \(complaint)")
        }
      }
      items.append(Item(key: key, name: flag.name, values: values))
    }
  }

  private static func values(
    of flag: FlagTable.Flag, _ key: String, _ attached: String?, _ rest: inout ArraySlice<String>
  ) throws(EngineError) -> [String] {
    if let attached {
      guard flag.value.count == 1 else {
        throw invalid("runtime flag \(quoted(key)) takes \(flag.value.count == 0 ? "no value" : "two values")")
      }
      return [attached]
    }
    var values: [String] = []
    while values.count < flag.value.count, let next = rest.first, !next.hasPrefix("-") || isNegativeNumber(next) {
      if case .optionalChoice(let words) = flag.value, !words.contains(next) { break }
      values.append(next)
      rest.removeFirst()
    }
    if case .optionalChoice(let words) = flag.value, values.isEmpty { return [words[0]] }
    guard values.count == flag.value.count else {
      throw invalid("runtime flag \(quoted(key)) needs \(flag.value.count == 1 ? "a value" : "two values") after it")
    }
    return values
  }

  private static func split(_ element: String) -> (key: String, attached: String?) {
    guard let equals = element.firstIndex(of: "=") else { return (element, nil) }
    return (String(element[..<equals]), String(element[element.index(after: equals)...]))
  }

  private static func isNegativeNumber(_ text: String) -> Bool {
    text.hasPrefix("-") && text.dropFirst().first.map { $0.isASCII && $0.isNumber } == true
  }

  private static func checkPath(_ element: String) throws(EngineError) {
    guard element.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }) else { return }
    throw invalid(
      "invalid runtime flag \(quoted(element)): paths are not allowed (contains '/' or '\\\\')")
  }

  private static func invalid(_ message: String) -> EngineError { EngineError(.invalidSettings, message) }

  // MARK: Flags that stand for settings

  /// The last value of a flag, and takes the flag out, as the caller passes it on in its own way.
  mutating func take(_ name: String) -> [String]? {
    let value = items.last { $0.name == name }?.values
    items.removeAll { $0.name == name }
    return value
  }

  /// `elements` without a flag and its values, for a request that asks for something else. What can't be parsed stays as
  /// it is and is refused later.
  package static func removing(_ name: String, from elements: [String], for table: FlagTable) -> [String] {
    guard var flags = try? RuntimeFlags(parsing: elements, for: table), flags.take(name) != nil else { return elements }
    return flags.items.flatMap { [$0.key] + $0.values }
  }

  func contains(_ name: String) -> Bool { items.contains { $0.name == name } }
}

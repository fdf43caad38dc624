// SPDX-License-Identifier: Apache-2.0

/// Encodes `Encodable` values as compact JSON with members in the order in which they are encoded, which for
/// synthesised conformances is the order of declaration. Dictionaries with string keys are sorted by byte value.
///
/// Foundation's encoder keeps no order; digests of manifests and the wire format of the management API need one.
package struct CanonicalJSONEncoder: Sendable {
  package init() {}

  package func encode(_ value: some Encodable) throws -> String {
    try node(for: value).serialized()
  }

  package func node(for value: some Encodable) throws -> JSONNode {
    let slot = Slot()
    try slot.store(value, codingPath: [])
    return slot.finished()
  }
}

private protocol StringKeyed {}
extension Dictionary: StringKeyed where Key == String {}

/// A place in the document that is being built. Containers share it by reference, as `Encoder` demands.
private final class Slot {
  enum Content {
    case empty
    case leaf(JSONNode)
    case array([Slot])
    case object([(name: String, slot: Slot)])
  }

  var content = Content.empty
  var sortsMembers = false

  func store(_ value: some Encodable, codingPath: [any CodingKey]) throws {
    sortsMembers = value is any StringKeyed
    try value.encode(to: NodeEncoder(slot: self, codingPath: codingPath))
  }

  func member(_ name: String) -> Slot {
    let slot = Slot()
    if case .object(var members) = content {
      content = .empty
      members.append((name, slot))
      content = .object(members)
    } else {
      content = .object([(name, slot)])
    }
    return slot
  }

  func element() -> Slot {
    let slot = Slot()
    if case .array(var elements) = content {
      content = .empty
      elements.append(slot)
      content = .array(elements)
    } else {
      content = .array([slot])
    }
    return slot
  }

  func finished() -> JSONNode {
    switch content {
    case .empty: return .object([])
    case .leaf(let node): return node
    case .array(let elements): return .array(elements.map { $0.finished() })
    case .object(var members):
      if sortsMembers { members.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) } }
      return .object(members.map { JSONMember($0.name, $0.slot.finished()) })
    }
  }
}

private struct NodeEncoder: Encoder {
  let slot: Slot
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    if case .empty = slot.content { slot.content = .object([]) }
    return KeyedEncodingContainer(KeyedNodes<Key>(slot: slot, codingPath: codingPath))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    if case .empty = slot.content { slot.content = .array([]) }
    return UnkeyedNodes(slot: slot, codingPath: codingPath)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer {
    SingleNode(slot: slot, codingPath: codingPath)
  }
}

private struct SingleNode: SingleValueEncodingContainer {
  let slot: Slot
  let codingPath: [any CodingKey]

  func encodeNil() { slot.content = .leaf(.null) }
  func encode(_ value: Bool) { slot.content = .leaf(.bool(value)) }
  func encode(_ value: String) { slot.content = .leaf(.string(value)) }
  func encode(_ value: Double) throws { slot.content = .leaf(try number(value)) }
  func encode(_ value: Float) throws { slot.content = .leaf(try number(Double(value))) }
  func encode(_ value: Int) { store(value) }
  func encode(_ value: Int8) { store(value) }
  func encode(_ value: Int16) { store(value) }
  func encode(_ value: Int32) { store(value) }
  func encode(_ value: Int64) { store(value) }
  func encode(_ value: UInt) { store(value) }
  func encode(_ value: UInt8) { store(value) }
  func encode(_ value: UInt16) { store(value) }
  func encode(_ value: UInt32) { store(value) }
  func encode(_ value: UInt64) { store(value) }
  func encode(_ value: some Encodable) throws { try slot.store(value, codingPath: codingPath) }

  private func store(_ value: some BinaryInteger) { slot.content = .leaf(.number(String(value))) }

  private func number(_ value: Double) throws -> JSONNode {
    guard value.isFinite else {
      throw EncodingError.invalidValue(value, .init(codingPath: codingPath, debugDescription: "JSON has no \(value)"))
    }
    if let integer = Int64(exactly: value) { return .number(String(integer)) }
    return .number(String(value))
  }
}

private struct KeyedNodes<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let slot: Slot
  let codingPath: [any CodingKey]

  func encodeNil(forKey key: Key) { slot.member(key.stringValue).content = .leaf(.null) }

  func encode(_ value: some Encodable, forKey key: Key) throws {
    try slot.member(key.stringValue).store(value, codingPath: codingPath + [key])
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> {
    NodeEncoder(slot: slot.member(key.stringValue), codingPath: codingPath + [key]).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    NodeEncoder(slot: slot.member(key.stringValue), codingPath: codingPath + [key]).unkeyedContainer()
  }

  func superEncoder() -> any Encoder { NodeEncoder(slot: slot.member("super"), codingPath: codingPath) }

  func superEncoder(forKey key: Key) -> any Encoder {
    NodeEncoder(slot: slot.member(key.stringValue), codingPath: codingPath + [key])
  }
}

private struct UnkeyedNodes: UnkeyedEncodingContainer {
  let slot: Slot
  let codingPath: [any CodingKey]

  var count: Int {
    if case .array(let elements) = slot.content { elements.count } else { 0 }
  }

  func encodeNil() { slot.element().content = .leaf(.null) }
  func encode(_ value: some Encodable) throws { try slot.element().store(value, codingPath: codingPath) }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
    NodeEncoder(slot: slot.element(), codingPath: codingPath).container(keyedBy: type)
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    NodeEncoder(slot: slot.element(), codingPath: codingPath).unkeyedContainer()
  }

  func superEncoder() -> any Encoder { NodeEncoder(slot: slot.element(), codingPath: codingPath) }
}

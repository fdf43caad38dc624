// SPDX-License-Identifier: Apache-2.0

/// A text in a JSON document.
///
/// A long one of a parsed document stays as the document writes it: most are only passed on, and then need not be read. It
/// keeps the document's bytes in memory.
package struct JSONText: Sendable {
  private enum Storage {
    case plain(String)
    /// Bytes between the quotes: valid UTF-8, with no other escapes than are written here.
    case written(JSONSource, start: Int32, count: Int32)
  }

  private let storage: Storage

  package init(_ value: String) { storage = .plain(value) }

  init(_ source: JSONSource, _ range: Range<Int32>) {
    storage = .written(source, start: range.lowerBound, count: Int32(range.count))
  }

  package var value: String {
    switch storage {
    case .plain(let value): value
    case .written(let source, let start, let count): source.withBytes(start, count, JSONString.read)
    }
  }

  package var isEmpty: Bool {
    switch storage {
    case .plain(let value): value.isEmpty
    case .written(_, _, let count): count == 0
    }
  }

  /// Appends it as a quoted string, with only those escapes that JSON demands.
  func append(to bytes: inout [UInt8]) {
    switch storage {
    case .plain(let value): JSONString.append(value, to: &bytes)
    case .written(let source, let start, let count):
      bytes.append(UInt8(ascii: "\""))
      source.withBytes(start, count) { bytes.append(contentsOf: $0) }
      bytes.append(UInt8(ascii: "\""))
    }
  }
}

extension JSONText: Equatable {
  package static func == (one: JSONText, other: JSONText) -> Bool { one.value == other.value }
}

/// The bytes of a document, for as long as a text of it is in use.
final class JSONSource: Sendable {
  private nonisolated(unsafe) let document: UnsafeRawBufferPointer

  init(copying bytes: UnsafeRawBufferPointer) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    copy.copyMemory(from: bytes)
    document = UnsafeRawBufferPointer(copy)
  }

  deinit { document.deallocate() }

  fileprivate func withBytes<Result>(
    _ start: Int32, _ count: Int32, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    withExtendedLifetime(self) {
      body(UnsafeRawBufferPointer(rebasing: document[Int(start)..<Int(start) + Int(count)]))
    }
  }
}

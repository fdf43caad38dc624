// SPDX-License-Identifier: Apache-2.0

/// Where the parts of a `multipart/form-data` body stand. The body stays as it came; only short fields are read.
///
/// Source: RFC 7578, and RFC 2046, section 5.1.
package struct MultipartForm: Sendable, Equatable {
  package struct Part: Sendable, Equatable {
    package var name: String
    /// Of a file; nil for a field.
    package var fileName: String?
    /// Its bytes in the body.
    package var content: Range<Int>
  }

  package static let mostParts = 64
  private static let longestHeaders = 8 * 1024
  private static let longestBoundary = 70

  package let parts: [Part]

  /// The boundary that a `Content-Type` names. Nil when it is no form's, or the boundary none.
  package static func boundary(ofContentType value: String) -> String? {
    let pieces = value.split(separator: ";", omittingEmptySubsequences: false)
    guard pieces.first.map({ trimmed($0).lowercased() }) == "multipart/form-data" else { return nil }
    for piece in pieces.dropFirst() {
      let pair = piece.split(separator: "=", maxSplits: 1)
      guard pair.count == 2, trimmed(pair[0]).lowercased() == "boundary" else { continue }
      var boundary = trimmed(pair[1])
      if boundary.count > 1, boundary.hasPrefix("\""), boundary.hasSuffix("\"") {
        boundary = boundary.dropFirst().dropLast()
      }
      guard (1...longestBoundary).contains(boundary.utf8.count), boundary.utf8.allSatisfy(isBoundary) else {
        return nil
      }
      return String(boundary)
    }
    return nil
  }

  /// - Throws: ``MultipartError`` for what is no such form, or has more parts than any needs.
  package init(_ bytes: UnsafeRawBufferPointer, boundary: String) throws(MultipartError) {
    let delimiter = Array("--\(boundary)".utf8)
    guard bytes.starts(with: delimiter) else {
      throw MultipartError(message: "the form does not begin with its boundary")
    }
    var parts: [Part] = []
    var index = delimiter.count
    while true {
      if bytes[index...].starts(with: "--".utf8) { break }
      guard bytes[index...].starts(with: "\r\n".utf8) else {
        throw MultipartError(message: "a part of the form does not begin with a line of its own")
      }
      guard parts.count < Self.mostParts else {
        throw MultipartError(message: "the form has more than \(Self.mostParts) parts")
      }
      let headers = index + 2
      guard let end = Self.find("\r\n\r\n".utf8, in: bytes, from: index, upTo: headers + Self.longestHeaders) else {
        throw MultipartError(message: "a part of the form has headers without an end")
      }
      let content = end + 4
      guard let next = Self.find("\r\n--\(boundary)".utf8, in: bytes, from: content, upTo: bytes.count) else {
        throw MultipartError(message: "the form ends before its last part does")
      }
      let text = String(decoding: bytes[min(headers, end)..<end], as: UTF8.self)
      parts.append(try Self.part(text, content..<next))
      index = next + 2 + delimiter.count
    }
    self.parts = parts
  }

  /// The text of a field, the last one of that name, as engines take it. Nil when there is none, or it is a file.
  package func text(_ name: String, in bytes: UnsafeRawBufferPointer) -> String? {
    parts.last { $0.name == name && $0.fileName == nil }.map { String(decoding: bytes[$0.content], as: UTF8.self) }
  }

  package func file(_ name: String) -> Part? { parts.last { $0.name == name && $0.fileName != nil } }

  // MARK: Pieces

  private static func part(_ headers: String, _ content: Range<Int>) throws(MultipartError) -> Part {
    for line in headers.split(separator: "\r\n") {
      let pair = line.split(separator: ":", maxSplits: 1)
      guard pair.count == 2, trimmed(pair[0]).lowercased() == "content-disposition" else { continue }
      let parameters = parameters(pair[1])
      guard let name = parameters["name"] else { break }
      let fileName = parameters["filename"] ?? parameters["filename*"]
      // Some readers take such a part for a field, others for a file.
      guard fileName?.isEmpty != true else {
        throw MultipartError(message: "a part of the form has an empty file name")
      }
      return Part(name: name, fileName: fileName, content: content)
    }
    throw MultipartError(message: "a part of the form has no name")
  }

  /// `form-data; name="a"; filename="b;c"`.
  private static func parameters(_ value: Substring) -> [String: String] {
    var found: [String: String] = [:]
    var rest = value[...]
    while let semicolon = rest.firstIndex(of: ";") {
      rest = rest[rest.index(after: semicolon)...]
      guard let equals = rest.firstIndex(where: { $0 == "=" || $0 == ";" }), rest[equals] == "=" else { continue }
      let name = trimmed(rest[..<equals]).lowercased()
      rest = rest[rest.index(after: equals)...].drop { $0 == " " || $0 == "\t" }
      var text = ""
      if rest.first == "\"" {
        rest.removeFirst()
        while let character = rest.popFirst(), character != "\"" {
          if character == "\\", let escaped = rest.first, escaped == "\"" || escaped == "\\" {
            text.append(rest.removeFirst())
          } else {
            text.append(character)
          }
        }
      } else {
        text = String(trimmed(rest.prefix { $0 != ";" }))
      }
      found[name] = text
    }
    return found
  }

  private static func find(
    _ text: String.UTF8View, in bytes: UnsafeRawBufferPointer, from start: Int, upTo limit: Int
  ) -> Int? {
    let wanted = Array(text)
    // What has been compared holds no other beginning where the first byte stands nowhere else in the text: a boundary
    // has no line end in it. So the time is proportional to the size, whatever the bytes.
    let isUnique = !wanted.dropFirst().contains(wanted[0])
    var index = start
    while let found = JSONMemberSearch.position(of: wanted[0], in: bytes, from: index),
      found + wanted.count <= min(bytes.count, limit + wanted.count)
    {
      var length = 1
      while length < wanted.count, bytes[found + length] == wanted[length] { length += 1 }
      if length == wanted.count { return found }
      index = found + (isUnique ? length : 1)
    }
    return nil
  }

  private static func trimmed(_ text: Substring) -> Substring {
    let start = text.drop { $0 == " " || $0 == "\t" }
    return start.lastIndex { $0 != " " && $0 != "\t" }.map { start[...$0] } ?? ""
  }

  /// Source: RFC 2046, section 5.1.1, without the blank, which engines do not take.
  private static func isBoundary(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: "'()+_,-./:=?".utf8.contains(byte)
    }
  }
}

/// Why bytes are no form.
package struct MultipartError: Error, Sendable, Equatable {
  package let message: String
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelHTTP

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Bodies of the engines' management API.
enum RequestDecoding {
  private struct AnyKey: CodingKey {
    let stringValue: String
    let intValue: Int?
    init(stringValue: String) { (self.stringValue, intValue) = (stringValue, nil) }
    init?(intValue: Int) { (stringValue, self.intValue) = (String(intValue), intValue) }
  }

  /// Names of members are read without regard to case, except inside of members whose names are the user's own.
  ///
  /// - Throws: ``TextError`` with status 400.
  static func decode<Body: Decodable>(_ type: Body.Type, from bytes: ByteBuffer) throws -> Body {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .custom { path in
      guard let key = path.last else { return AnyKey(stringValue: "") }
      let isFree = path.dropLast().contains { $0.stringValue.lowercased() == "hf-overrides" }
      return isFree ? key : AnyKey(stringValue: key.stringValue.lowercased())
    }
    do {
      return try decoder.decode(type, from: Data(bytes.readableBytesView))
    } catch {
      let fault = DecodingFault.text(error, isEmpty: bytes.readableBytes == 0)
      throw TextError(.badRequest, "invalid request: \(fault)")
    }
  }

  /// A flag of the query: absent, or without a value, is false.
  ///
  /// - Throws: ``TextError`` with status 400 for what is no boolean.
  static func flag(_ name: String, _ head: RequestHead) throws -> Bool {
    switch head.queryItem(name) {
    case nil, "", "0", "f", "F", "false", "FALSE", "False": return false
    case "1", "t", "T", "true", "TRUE", "True": return true
    case .some(let value):
      throw TextError(.badRequest, "invalid \(name) parameter: \"\(value)\" is not a valid boolean")
    }
  }
}

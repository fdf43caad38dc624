// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelWire
import Testing
import Yams

@testable import PetrelServer

struct OpenAPITests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let server = "http://localhost:12434"

  private static var text: String { "\(OpenAPIText.json)" }

  private static func document() throws -> JSONNode { try JSONNode(parsing: text) }

  private static func file(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// YAML's value with its members in order.
  private static func sorted(_ value: Any) throws -> JSONNode {
    switch value {
    case let value as Bool: return .bool(value)
    case let value as Int: return .number("\(value)")
    case let value as String: return .string(value)
    case is NSNull: return .null
    case let value as [Any]: return .array(try value.map(sorted))
    case let value as [AnyHashable: Any]:
      let members = try value.map { JSONMember(try #require($0.key as? String), try sorted($0.value)) }
      return .object(members.sorted { $0.name < $1.name })
    default: throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "\(value)"))
    }
  }

  private static func sorted(_ node: JSONNode) -> JSONNode {
    switch node {
    case .array(let elements): return .array(elements.map { sorted($0) })
    case .object(let members):
      return .object(members.map { JSONMember($0.name, sorted($0.value)) }.sorted { $0.name < $1.name })
    default: return node
    }
  }

  @Test func whatIsServedIsTheDocument() throws {
    let document: Any = try #require(try Yams.load(yaml: try Self.file("docs/openapi.yaml")))
    let written = try Self.sorted(document)
    let served = Self.sorted(try Self.document()) as JSONNode
    #expect(written.pretty() == served.pretty(), "run Scripts/embed-openapi.py with the tests' Python")
  }

  /// Of all operations, with what their servers put before them: `/engines/v1/models`.
  private static func paths() throws -> Set<String> {
    var all: Set<String> = []
    for item in try #require(try document()["paths"]?.members) {
      let servers = item.value["servers"]?.elements?.compactMap { $0["url"]?.string } ?? [server]
      for server in servers { all.insert(server.dropFirst(Self.server.count) + item.name) }
    }
    return all
  }

  @Test func everyEndpointOfEnginesIsDescribed() throws {
    let paths = try Self.paths()
    let all =
      Array(InferenceEndpoint.byPath.keys) + InferenceEndpoint.scorePaths + AnthropicPaths.calls.keys
      + TranscriptionDialect.paths
    for path in all where !path.hasPrefix(APIPath.dockerPrefix) {
      // The same thing twice: the description says so in words.
      let isTwin = ["/tokenize", "/detokenize", "/infill", "/score"].contains { path.hasSuffix("/v1" + $0) }
      #expect(paths.contains(isTwin ? path.replacing("/v1/", with: "/") : path), "\(path)")
    }
  }

  /// `docs/http-api.md` has a table of all routes.
  @Test func everyRouteOfTheManualIsDescribed() throws {
    let paths = try #require(try Self.document()["paths"])
    var count = 0
    for line in try Self.file("docs/http-api.md").split(separator: "\n").filter({ $0.hasPrefix("| [`") }) {
      for match in line.matches(of: /(GET|POST|DELETE|HEAD) ([^` ?]+)`/) {
        let path = String(match.2).replacing("…/", with: "/")
        #expect(paths[path]?[match.1.lowercased()] != nil, "\(match.0) is not in docs/openapi.yaml")
        count += 1
      }
    }
    #expect(count > 25)
  }

  @Test func referencesLeadSomewhere() throws {
    let document = try Self.document()
    for match in Self.text.matches(of: /"#\/([^"]+)"/) {
      var node: JSONNode? = document
      for part in match.1.split(separator: "/") { node = node?[String(part)] }
      #expect(node != nil, "\(match.0)")
    }
  }

  @Test func operationsHaveNamesOfTheirOwn() {
    let names = Self.text.matches(of: /"operationId": "([^"]+)"/).map { String($0.1) }
    #expect(names.count == Set(names).count)
    #expect(names.count > 30)
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelWire

/// Which of a list's items a request wants: OpenAI's `limit`, `order`, `after` and `before`.
struct ResponseItemPage {
  private static let maximum = 100

  private let limit: Int
  private let isAscending: Bool
  private let after: String?
  private let before: String?

  /// - Parameter query: the value of a query item.
  init(_ query: (String) -> String?) throws(OpenAIError) {
    let limit = query("limit") ?? "20"
    guard let count = Int(limit), (1...Self.maximum).contains(count) else {
      throw OpenAIError(.badRequest, "limit must be a number from 1 to \(Self.maximum)", param: "limit")
    }
    self.limit = count
    let order = query("order") ?? "desc"
    guard order == "asc" || order == "desc" else {
      throw OpenAIError(.badRequest, "order must be asc or desc", param: "order")
    }
    isAscending = order == "asc"
    after = query("after")
    before = query("before")
  }

  /// - Parameter items: in the order in which they were given.
  func page(of items: [JSONNode]) throws(OpenAIError) -> JSONNode {
    var items = isAscending ? items : items.reversed()
    if let after { items.removeFirst(try index(of: after, in: items, "after") + 1) }
    if let before { items.removeLast(items.count - (try index(of: before, in: items, "before"))) }
    let page = items.prefix(limit)
    return [
      "object": "list", "data": .array(Array(page)), "first_id": page.first?["id"] ?? .null,
      "last_id": page.last?["id"] ?? .null, "has_more": .bool(page.count < items.count),
    ]
  }

  private func index(of id: String, in items: [JSONNode], _ name: String) throws(OpenAIError) -> Int {
    guard let index = items.firstIndex(where: { $0["id"]?.string == id }) else {
      throw OpenAIError(.badRequest, "\(name) is \"\(id)\", which is no item of this list", param: name)
    }
    return index
  }
}

// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import Testing

@testable import PetrelHTTP

@Suite struct RequestHeadTests {
  private func parse(_ target: String) -> RequestHead? {
    RequestHead(HTTPRequestHead(version: .http1_1, method: .GET, uri: target))
  }

  @Test(arguments: [
    ("/", "/"),
    ("/models", "/models"),
    ("/models/ai/smollm2:135M", "/models/ai/smollm2:135M"),
    ("/models/ai%2Fsmollm2%3Alatest", "/models/ai/smollm2:latest"),
    ("//models///ai", "/models/ai"),
    ("/models/./ai", "/models/ai"),
    ("/models/x/../ai", "/models/ai"),
    ("/../../etc/passwd", "/etc/passwd"),
    ("/a/%2e%2e/%2E%2E/b", "/b"),
    ("/.hidden/..not", "/.hidden/..not"),
    ("/a+b", "/a+b"),
    ("/a%2Bb%20c", "/a+b c"),
    ("/%E2%9C%93", "/✓"),
    ("http://localhost:12434/models?x=1", "/models"),
    ("http://localhost:12434", "/"),
    ("/go?to=http://elsewhere/there", "/go"),
  ]) func `Paths are decoded and cleaned`(target: String, path: String) {
    #expect(parse(target)?.path == path)
  }

  @Test(arguments: ["", "*", "models", "localhost:80", "/%", "/%4", "/%zz", "/%ff%fe", "/a%00b", "?a=b"])
  func `Targets that are no path are refused`(target: String) {
    #expect(parse(target) == nil)
  }

  @Test func `Query items are decoded`() throws {
    let head = try #require(parse("/tag?repo=ai%2Fx&tag=v+1%2B&flag&empty=&bad=%zz&repo=second"))
    #expect(head.query == "repo=ai%2Fx&tag=v+1%2B&flag&empty=&bad=%zz&repo=second")
    #expect(head.queryItem("repo") == "ai/x")
    #expect(head.queryItem("tag") == "v 1+")
    #expect(head.queryItem("flag") == "")
    #expect(head.queryItem("empty") == "")
    #expect(head.queryItem("bad") == "")
    #expect(head.queryItem("other") == nil)
  }

  @Test func `A mark without a query is no query`() throws {
    let head = try #require(parse("/models?"))
    #expect(head.query.isEmpty)
    #expect(head.queryItem("a") == nil)
  }
}

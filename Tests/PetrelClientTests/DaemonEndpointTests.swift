// SPDX-License-Identifier: Apache-2.0

import PetrelClient
import Testing

struct DaemonEndpointTests {
  @Test(arguments: [
    ("http://127.0.0.1:12434", "http://127.0.0.1:12434"),
    ("localhost:12434", "http://localhost:12434"),
    ("example.com", "http://example.com"),
    ("https://example.com/dmr/", "https://example.com/dmr"),
    ("HTTP://h:1/a/b?x#y", "http://h:1/a/b"),
    ("[::1]:8080", "http://[::1]:8080"),
    ("unix:///run/petrel.sock", "unix:///run/petrel.sock"),
  ])
  func readsAddresses(text: String, description: String) throws {
    #expect(try DaemonEndpoint(parsing: text).description == description)
  }

  @Test(arguments: [
    "", "http://", "ftp://h", ":12434", "h:0", "h:65536", "h:port", "a b", "http://user:pw@h", "unix://relative",
    "unix:///",
  ])
  func refusesOthers(text: String) throws {
    let error = #expect(throws: ClientError.self) { try DaemonEndpoint(parsing: text) }
    #expect(error?.code == .invalidHost)
  }

  @Test func makesURLs() throws {
    let tcp = try DaemonEndpoint(parsing: "http://h:1/prefix")
    #expect(
      tcp.url(path: "/models/a:b", query: [("repo", "docker.io/ä b"), ("tag", "v+1")])
        == "http://h:1/prefix/models/a:b?repo=docker.io%2F%C3%A4%20b&tag=v%2B1")
    let socket = DaemonEndpoint(socketPath: "/tmp/a b/petrel.sock")
    #expect(socket.url(path: "/version") == "http+unix://%2Ftmp%2Fa%20b%2Fpetrel.sock/version")
  }
}

struct EndpointPlaceTests {
  @Test(arguments: [
    ("unix:///s", true), ("http://localhost:1", true), ("https://127.0.0.1", true), ("http://[::1]:2/p", true),
    ("http://box.lan", false), ("https://192.168.1.2:3", false),
  ]) func `Tells this machine from others`(address: String, isLocal: Bool) throws {
    #expect(try DaemonEndpoint(parsing: address).isLocal == isLocal)
  }
}

// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PetrelRegistry

@Suite struct AuthChallengeTests {
  @Test func readsBearer() {
    let header =
      #"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:ai/x:pull,push""#
    let challenges = AuthChallenge.parse([header])
    #expect(
      challenges == [
        AuthChallenge(
          scheme: "bearer",
          parameters: [
            "realm": "https://auth.docker.io/token", "service": "registry.docker.io",
            "scope": "repository:ai/x:pull,push",
          ])
      ])
  }

  @Test func readsSeveralInOneHeader() {
    let challenges = AuthChallenge.parse([#"Basic realm="a, b = \"c\" Bearer x=y" , BEARER Realm = "r" ,scope=s"#])
    #expect(challenges.map(\.scheme) == ["basic", "bearer"])
    #expect(challenges[0].parameters == ["realm": #"a, b = "c" Bearer x=y"#])
    #expect(challenges[1].parameters == ["realm": "r", "scope": "s"])
  }

  @Test func readsSeveralHeaders() {
    let challenges = AuthChallenge.parse(["Negotiate", "Basic realm=x"])
    #expect(challenges.map(\.scheme) == ["negotiate", "basic"])
    #expect(challenges[1].parameters == ["realm": "x"])
  }

  @Test(arguments: ["", ",,,", "=", "\"", "= = \"x", #"Bearer realm="never closed"#, "Bearer realm=\"x\\"])
  func survivesNonsense(_ header: String) {
    #expect(AuthChallenge.parse([header]).count <= 1)
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelSigning
import SystemPackage
import Yams

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Reads `signatures` of the configuration file: a list of rules, with the files of keys that they name.
///
/// Keys are read when the daemon starts, like everything else that it is told.
struct SignaturePolicyReader {
  static let key = "signatures"
  private static let members = ["repository", "policy", "keys", "signed-as"]

  /// Of the configuration file, for messages.
  let file: String
  /// Relative paths count from here: a daemon is started in many places.
  let home: FilePath
  let userHome: FilePath

  func read(_ node: Node) throws(ConfigurationError) -> SignaturePolicy {
    guard let list = node.sequence else { throw refusal("must be a list of rules") }
    var rules: [SignatureRule] = []
    for (index, item) in list.enumerated() {
      do {
        rules.append(try rule(item))
      } catch {
        throw refusal("rule \(index + 1): \(error)")
      }
    }
    return SignaturePolicy(rules: rules)
  }

  /// As `config show` prints it.
  static func summary(of policy: SignaturePolicy) -> String {
    policy.rules.map { "\($0.repositories) \($0.action.rawValue)" }.joined(separator: ", ")
  }

  private func rule(_ node: Node) throws -> SignatureRule {
    guard let mapping = node.mapping else { throw Mistake("must have repository and policy") }
    var values: [String: [String]] = [:]
    for (key, value) in mapping {
      guard let name = key.scalar?.string, Self.members.contains(name) else {
        throw Mistake(
          "\(key.scalar?.string ?? "a key") is not known; want \(Self.members.joined(separator: ", "))")
      }
      let texts = value.scalar.map { [$0.string] } ?? value.sequence?.compactMap(\.scalar?.string)
      guard let texts, !texts.isEmpty, value.sequence.map({ $0.count == texts.count }) ?? true else {
        throw Mistake("\(name) must be text or a list of texts")
      }
      values[name] = texts
    }
    guard let repository = values["repository"]?.first, values["repository"]?.count == 1 else {
      throw Mistake("repository must be one pattern, such as docker.io/myorg/*")
    }
    guard let policy = values["policy"], policy.count == 1,
      // YAML has a boolean of this name, but here it is a word.
      let action = SignatureRule.Action(rawValue: policy[0])
    else { throw Mistake("policy must be off, warn or enforce") }
    let keys = try (values["keys"] ?? []).flatMap(verificationKeys)
    guard action == .off || !keys.isEmpty else {
      throw Mistake("keys must name a file with a public key; `petrel key generate` makes one")
    }
    return SignatureRule(
      repositories: try RepositoryPattern(parsing: repository), action: action,
      requirement: SignatureRequirement(
        keys: keys, signedAs: try (values["signed-as"] ?? []).map { try RepositoryPattern(parsing: $0) }))
  }

  private func verificationKeys(_ name: String) throws -> [VerificationKey] {
    let path =
      name.hasPrefix("~/") ? userHome.pushing(FilePath(String(name.dropFirst(2)))) : home.pushing(FilePath(name))
    guard let bytes = FileManager.default.contents(atPath: path.string) else {
      throw Mistake("the key \(path) can't be read; check that it is there and its permissions")
    }
    return try VerificationKey.read(pem: String(decoding: bytes, as: UTF8.self), origin: path.string)
  }

  private func refusal(_ reason: String) -> ConfigurationError {
    ConfigurationError(message: "\(file): \(Self.key): \(reason)")
  }

  private struct Mistake: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }
}

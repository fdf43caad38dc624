// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// What is done about signatures when a model is pulled. The first rule that names its repository counts; a model that
/// no rule names is pulled as it is.
package struct SignaturePolicy: Sendable, Hashable {
  package var rules: [SignatureRule]

  package init(rules: [SignatureRule] = []) { self.rules = rules }

  package func rule(for reference: ModelReference) -> SignatureRule? {
    rules.first { $0.repositories.matches(reference) }
  }
}

/// What is done about the signatures of some repositories.
package struct SignatureRule: Sendable, Hashable {
  package enum Action: String, Sendable, CaseIterable {
    /// Nothing is looked at.
    case off
    /// A model that is not signed as it should is pulled, with a warning.
    case warn
    /// Such a model is refused.
    case enforce
  }

  package let repositories: RepositoryPattern
  package let action: Action
  package let requirement: SignatureRequirement

  package init(repositories: RepositoryPattern, action: Action, requirement: SignatureRequirement) {
    self.repositories = repositories
    self.action = action
    self.requirement = requirement
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelClient

/// What has been said in a chat. A turn counts only with its answer.
struct ChatConversation: Equatable {
  var system: String?
  private var turns: [ChatMessage] = []

  init() {}

  /// What to send for a new message of the user.
  func messages(asking question: String) -> [ChatMessage] {
    let head = system.map { [ChatMessage(.system, $0)] } ?? []
    return head + turns + [ChatMessage(.user, question)]
  }

  mutating func add(question: String, answer: String) {
    turns += [ChatMessage(.user, question), ChatMessage(.assistant, answer)]
  }

  /// Forgets all turns; the system message stays.
  mutating func clear() { turns = [] }
}

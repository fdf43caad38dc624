// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// Which repositories a rule is about: a name with its registry, in which `*` stands for any text without a slash and
/// `**` for any text: `docker.io/myorg/*`, `registry.lan:5000/**`, `**`.
package struct RepositoryPattern: Sendable, Hashable, CustomStringConvertible {
  private enum Piece: Hashable {
    case byte(UInt8)
    case withinSegment
    case anything
  }

  /// As it was written.
  package let description: String
  private let pieces: [Piece]

  package init(parsing text: String) throws(SigningError) {
    func refuse(_ reason: String) -> SigningError {
      SigningError(.invalidPattern, "the pattern \(quoted(text)) can't be used: \(reason)")
    }
    guard (1...255).contains(text.utf8.count) else { throw refuse("want 1 to 255 characters") }
    guard text.wholeMatch(of: /[a-z0-9._\-:\/\[\]*]+/) != nil else {
      throw refuse("names have lower-case letters, digits and . _ - : / only, and * for any text")
    }
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let host = parts[0]
    if host.hasPrefix("**") {
      pieces = Self.pieces(of: text)
    } else {
      guard parts.count == 2, !parts[1].isEmpty else {
        throw refuse("begin with the registry, as in docker.io/myorg/*; ** stands for all there are")
      }
      guard host == "localhost" || host.contains(where: { ".:*".contains($0) }) else {
        throw refuse("begin with the registry: docker.io/\(text)")
      }
      guard !parts[1].contains(":") else { throw refuse("rules are for repositories; leave the tag out") }
      // `index.docker.io` and `hf.co` are other names for registries.
      let canonical = (try? ModelReference(parsing: "\(host)/a/b"))?.registry ?? host
      pieces = Self.pieces(of: "\(canonical)/\(parts[1])")
    }
    description = text
  }

  package func matches(_ reference: ModelReference) -> Bool {
    let name = Array(reference.qualifiedRepository.utf8)
    // Which beginnings of the name the pieces so far can stand for.
    var reached = [Bool](repeating: false, count: name.count + 1)
    reached[0] = true
    for piece in pieces {
      var next = [Bool](repeating: false, count: name.count + 1)
      switch piece {
      case .byte(let byte):
        for end in name.indices where reached[end] && name[end] == byte { next[end + 1] = true }
      case .withinSegment, .anything:
        for end in reached.indices {
          let isOpen = end > 0 && next[end - 1] && (piece == .anything || name[end - 1] != UInt8(ascii: "/"))
          next[end] = reached[end] || isOpen
        }
      }
      reached = next
    }
    return reached[name.count]
  }

  private static func pieces(of text: String) -> [Piece] {
    var pieces: [Piece] = []
    for byte in text.utf8 {
      if byte != UInt8(ascii: "*") {
        pieces.append(.byte(byte))
      } else if pieces.last == .withinSegment || pieces.last == .anything {
        pieces[pieces.count - 1] = .anything
      } else {
        pieces.append(.withinSegment)
      }
    }
    return pieces
  }
}

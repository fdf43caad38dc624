// SPDX-License-Identifier: Apache-2.0

/// Paths of files inside a model, as layer annotations give them. They come from strangers.
package enum ModelPath {
  /// The components of a relative path that stays inside its folder, `.` and `..` resolved.
  ///
  /// Refused: an empty path, NUL, an absolute path, one that resolves to the folder itself or leaves it.
  package static func components(of path: String) throws(OCIError) -> [String] {
    func refuse(_ reason: String) -> OCIError {
      OCIError(.invalidPath, "invalid filepath annotation \(quoted(path)): \(reason)")
    }
    guard !path.isEmpty else { throw refuse("it is empty") }
    guard !path.utf8.contains(0) else { throw refuse("it contains a NUL byte") }
    guard path.utf8.first != slash else { throw refuse("absolute paths are not allowed") }
    var components: [String] = []
    for part in parts(of: path) {
      if part == ".." {
        guard components.popLast() != nil else { throw refuse("it leaves the model's folder") }
      } else {
        components.append(part)
      }
    }
    guard !components.isEmpty else { throw refuse("it names no file") }
    return components
  }

  /// Like ``components(of:)``, but leading `../` are dropped first: some tools record paths such as
  /// `../../home/u/model/x.safetensors`. Only for formats that unpack each layer at its annotated path.
  package static func repairedComponents(of path: String) throws(OCIError) -> [String] {
    guard path.utf8.first != slash else { return try components(of: path) }
    var resolved: [String] = []
    for part in parts(of: path) {
      if part == "..", let last = resolved.last, last != ".." { resolved.removeLast() } else { resolved.append(part) }
    }
    let kept = resolved.drop { $0 == ".." }
    return try components(of: kept.isEmpty ? path : kept.joined(separator: "/"))
  }

  private static let slash = UInt8(ascii: "/")

  /// What stands between slashes, without `.`. By bytes, as the system sees it: a slash with a combining mark is one
  /// character, and no slash, to `String`.
  private static func parts(of path: String) -> [String] {
    path.utf8.split(separator: slash).map { String(Substring($0)) }.filter { $0 != "." }
  }
}

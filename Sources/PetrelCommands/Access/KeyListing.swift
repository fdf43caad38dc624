// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelAccess
import PetrelTerminal
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// API keys as a table.
struct KeyListing {
  private let table: TextTable

  /// - Parameter now: seconds since 1970.
  init(_ keys: [APIKey], now: Int64) {
    table = TextTable(
      header: ["NAME", "ID", "SCOPES", "CREATED", "EXPIRES", "LIMITS"],
      rows: keys.map { key in
        let expiry = key.expires.map { key.isExpired(at: now) ? "expired" : KeyObject.date($0) } ?? "never"
        let limits = [
          key.requestsPerMinute.map { "\($0)/min" }, key.concurrentRequests.map { "\($0) at a time" },
        ].compactMap { $0 }.joined(separator: ", ")
        return [
          key.name, key.id, key.scopes.map(\.rawValue).joined(separator: ","), KeyObject.date(key.created), expiry,
          limits,
        ]
      })
  }

  func rendered() -> String { table.rendered() }
}

/// A key as programs get it.
struct KeyObject: Encodable {
  private let name: String
  private let id: String
  /// Only when it has just been made.
  private let key: String?
  private let scopes: [String]
  private let created: String
  private let expires: String?
  private let requestsPerMinute: Int?
  private let concurrentRequests: Int?

  enum CodingKeys: String, CodingKey {
    case name, id, key, scopes, created, expires
    case requestsPerMinute = "requests_per_minute"
    case concurrentRequests = "concurrent_requests"
  }

  init(_ key: APIKey, secret: String? = nil) {
    name = key.name
    id = key.id
    self.key = secret
    scopes = key.scopes.map(\.rawValue)
    created = Self.date(key.created)
    expires = key.expires.map(Self.date)
    requestsPerMinute = key.requestsPerMinute
    concurrentRequests = key.concurrentRequests
  }

  static func date(_ seconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
  }
}

/// How long a key is valid.
enum KeyLifetime {
  private static let longest: Int64 = 100 * 366 * 24 * 3600

  /// Of `12h`, `1h30m` or `30d`; nil for what is no duration, or more than a hundred years.
  static func seconds(_ text: String) -> Int64? {
    let seconds: Int64? =
      if text.hasSuffix("d") {
        Int64(text.dropLast()).flatMap { (0...36_600).contains($0) ? $0 * 24 * 3600 : nil }
      } else {
        GoDuration.parse(text).map { $0.components.seconds }
      }
    return seconds.flatMap { $0 <= longest ? $0 : nil }
  }
}

/// Petrel's own folder, which nobody else has business in.
enum PetrelHomeFolder {
  static func create(_ path: FilePath) throws {
    do {
      try FileManager.default.createDirectory(
        atPath: path.string, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw CommandError(.fileSystem, "\(path) can't be created: \(FileFailure.reason(error))")
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelRecords
import PetrelServer

/// Which requests are recorded, and for how long: the part of the configuration that says so.
package struct RecordingSettings: Sendable {
  package let policy: RecordingPolicy
  package let limits: RecordLimits

  init(_ layers: ConfigurationLayers, rows: inout [SettingRow]) throws(ConfigurationError) {
    let scopes = RecordingPolicy.Scope.allCases.map(\.rawValue).joined(separator: ", ")
    let scope = try layers.value(
      Setting("record-requests", environment: "PETREL_RECORD_REQUESTS", default: "all", expects: "one of \(scopes)") {
        RecordingPolicy.Scope(rawValue: $0.lowercased())
      }, rows: &rows)
    let size = try layers.value(
      Setting("records-size", environment: "PETREL_RECORDS_SIZE", default: "64", expects: "a number of MiB above 0") {
        text in Int64(text).flatMap { (1...1_048_576).contains($0) ? $0 : nil }
      }, rows: &rows)
    let age = try layers.value(
      Setting(
        "records-age", environment: "PETREL_RECORDS_AGE", default: "168h",
        expects: "a duration above 0 and up to 87600h, such as 30m or 24h"
      ) { text in
        GoDuration.parse(text).flatMap { (.seconds(1) ... .seconds(87_600 * 3600)).contains($0) ? $0 : nil }
      }, rows: &rows)
    let redacted = try layers.values(
      Setting(
        "records-redact", environment: "PETREL_RECORDS_REDACT",
        expects: "the name of a field, or a pattern of words with * or ? and at least one other character"
      ) { text in text.contains { $0 != "*" && $0 != "?" } ? text : nil }, rows: &rows)
    policy = RecordingPolicy(scope: scope ?? .all, redaction: Redaction(rules: Redaction.builtIn + redacted))
    limits = RecordLimits(bytes: (size ?? 64) * 1_048_576, age: age ?? RecordLimits().age)
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelHTTP
import PetrelServer

/// Who may use the daemon, and how much at a time: the part of the configuration that says so.
package struct AccessSettings: Sendable {
  /// When requests need an API key.
  package enum Authentication: String, Sendable {
    /// On listeners that others than this machine and its containers can reach.
    case auto
    /// On all TCP listeners.
    case on
    case off
  }

  package let authentication: Authentication
  package let origins: OriginPolicy
  /// Further names and addresses that the daemon answers to.
  package let allowedHosts: [String]
  package let connections: ConnectionLimits
  package let requests: RequestLimits
  /// What is odd but does no harm.
  package let warnings: [String]

  init(
    _ layers: ConfigurationLayers, switched: (String, String, Bool) -> Setting<Bool>, rows: inout [SettingRow]
  ) throws(ConfigurationError) {
    var warnings: [String] = []
    /// A number with a default.
    func number(
      _ key: String, environment: String, default fallback: Int, in range: ClosedRange<Int>, _ unit: String
    ) throws(ConfigurationError) -> Int {
      let expected = "a number of \(unit) from \(range.lowerBound) to \(range.upperBound)"
      let setting = Setting(key, environment: environment, default: String(fallback), expects: expected) { text in
        Int(text).flatMap { range.contains($0) ? $0 : nil }
      }
      return try layers.value(setting, rows: &rows) ?? fallback
    }

    let authentication = Setting(
      "auth", environment: "PETREL_AUTH", default: "auto", expects: "auto, on or off"
    ) { text in
      switch text.lowercased() {
      // YAML has these words as booleans, and so have other programs.
      case "true", "yes": Authentication.on
      case "false", "no": Authentication.off
      default: Authentication(rawValue: text.lowercased())
      }
    }
    self.authentication = try layers.value(authentication, rows: &rows) ?? .auto

    let texts = try layers.values(
      Setting("origins", environment: "DMR_ORIGINS", expects: "an origin") { $0 }, rows: &rows)
    var listed: [OriginPattern] = []
    for text in texts where text != "*" {
      if let pattern = OriginPattern(text) {
        listed.append(pattern)
      } else {
        warnings.append(
          "origins: \"\(text)\" is no web origin such as https://app.example or http://localhost:*; it is left out")
      }
    }
    origins = OriginPolicy(listed: listed, takesAll: texts.contains("*"))
    allowedHosts = try layers.values(
      Setting("allowed-hosts", environment: "PETREL_ALLOWED_HOSTS", expects: "a name, an address or *") {
        $0.isEmpty || $0.contains("/") ? nil : $0
      }, rows: &rows)

    var connections = ConnectionLimits()
    connections.connections = try number(
      "max-connections", environment: "PETREL_MAX_CONNECTIONS", default: connections.connections,
      in: 1...1_000_000, "connections")
    self.connections = connections
    var requests = RequestLimits()
    let mebibyte = 1024 * 1024
    requests.body =
      try number(
        "max-body", environment: "PETREL_MAX_BODY", default: requests.body / mebibyte, in: 1...16_384, "MiB") * mebibyte
    requests.images = try number(
      "max-images", environment: "PETREL_MAX_IMAGES", default: requests.images, in: 0...100_000, "images")
    requests.imageBytes =
      try number(
        "max-image-size", environment: "PETREL_MAX_IMAGE_SIZE", default: requests.imageBytes / mebibyte,
        in: 1...16_384, "MiB") * mebibyte
    requests.imagePixels =
      try number(
        "max-image-pixels", environment: "PETREL_MAX_IMAGE_PIXELS", default: requests.imagePixels / 1_000_000,
        in: 1...1_000_000, "megapixels") * 1_000_000
    requests.fetchesImages =
      try layers.value(switched("image-urls", "PETREL_IMAGE_URLS", false), rows: &rows) ?? false
    self.requests = requests
    self.warnings = warnings
  }
}

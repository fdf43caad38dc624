// SPDX-License-Identifier: Apache-2.0

/// How the program was started: as `petrel`, as `docker-model`, or by Docker as its plugin `model`.
///
/// As a plugin it gets Docker's whole argument list: global flags, the word `model`, then the command. Standalone the
/// global flags are accepted too, because Docker Compose and scripts may put them first.
/// Source: docker/cli, `cli-plugins/plugin` and `cli/flags`.
struct Invocation: Equatable {
  static let pluginFileName = "docker-model"
  static let originalCommandVariable = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND"
  static let socketVariable = "DOCKER_CLI_PLUGIN_SOCKET"
  private static let metadataCommand = "docker-cli-plugin-metadata"

  private static let flagsWithValue = [
    "--config", "-c", "--context", "-H", "--host", "-l", "--log-level", "--tlscacert", "--tlscert", "--tlskey",
  ]
  private static let flagsWithoutValue = ["-D", "--debug", "--tls", "--tlsverify"]

  let programName: String
  /// Whether Docker asks what plugin this is.
  let isMetadataProbe: Bool
  /// The command and its arguments.
  let words: [String]
  /// Docker's flag `--config` is put into effect.
  let environment: [String: String]

  /// - Parameter arguments: with the program's own name first.
  init(arguments: [String], environment: [String: String]) {
    let fileName = arguments.first?.split(separator: "/").last.map(String.init) ?? ""
    let isPluginFile = fileName == Self.pluginFileName || fileName == Self.pluginFileName + ".exe"
    let isStartedByDocker = !(environment[Self.originalCommandVariable] ?? "").isEmpty
    let all = Array(arguments.dropFirst())
    isMetadataProbe = all.first == Self.metadataCommand

    let (flagCount, configFolder) = isPluginFile || isStartedByDocker ? Self.globalFlags(all) : (0, nil)
    var words = Array(all.dropFirst(flagCount))
    var isPlugin = false
    if isStartedByDocker {
      if words.first == "model" {
        words.removeFirst()
        isPlugin = true
      } else if words.starts(with: ["help", "model"]) {
        words.remove(at: 1)
        isPlugin = true
      }
    }
    self.words = words == ["-v"] ? ["--version"] : words
    programName = isPlugin || isPluginFile ? "docker model" : "petrel"
    var environment = environment
    if let configFolder { environment["DOCKER_CONFIG"] = configFolder }
    self.environment = environment
  }

  /// How many words at the start are global flags and their values, and the value of `--config`.
  private static func globalFlags(_ words: [String]) -> (count: Int, configFolder: String?) {
    var count = 0
    var configFolder: String?
    while count < words.count {
      let word = words[count]
      if flagsWithValue.contains(word) {
        if word == "--config", count + 1 < words.count { configFolder = words[count + 1] }
        count += 2
      } else if word.hasPrefix("--config=") {
        configFolder = String(word.dropFirst("--config=".count))
        count += 1
      } else if isGlobalFlag(word) {
        count += 1
      } else {
        break
      }
    }
    return (min(count, words.count), configFolder)
  }

  /// Flags without a value, or with the value in the same word: `-D`, `--tls=true`, `-cdesktop`, `--host=ssh://h`.
  private static func isGlobalFlag(_ word: String) -> Bool {
    if flagsWithoutValue.contains(word) { return true }
    if word.hasPrefix("--") {
      return (flagsWithValue + flagsWithoutValue).contains { $0.hasPrefix("--") && word.hasPrefix($0 + "=") }
    }
    return ["-c", "-H", "-l"].contains { word.hasPrefix($0) && word.count > 2 }
  }
}

// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelClient
import PetrelOCI
import PetrelTerminal

/// A pull or push with its progress display, repeated when the connection fails.
struct Transfer {
  /// Waits before the second and the later attempts.
  private static let waits: [Duration] = [.seconds(1), .seconds(2), .seconds(4), .seconds(8)]
  private static let longestWait = 60

  let mode: ProgressLine.Mode
  let model: String
  let context: CommandContext
  /// Of a pull: public keys, in PEM, by one of which the model must be signed; empty for those of the daemon's
  /// configuration, nil for none.
  var verifyKeys: [String]?
  /// Of a push: stored beside the model.
  var signature: SignatureObject?
  /// Of a copy between registries, which looks like a push otherwise.
  var copyTarget: String?

  /// - Returns: the daemon's closing sentence.
  func run(with client: DaemonClient) async throws -> String {
    var hasConnected = false
    var attempt = 0
    // One for all attempts, so that what a later one fetches again is not shown as a step back.
    var display = TransferDisplay(output: context.errors, words: words)
    while true {
      do {
        return try await attemptOnce(with: client, showing: &display, hasConnected: &hasConnected)
      } catch let error as ClientError where Self.mayPass(error, hasConnected: hasConnected) {
        guard attempt < Self.waits.count else {
          throw failure("\(noun) failed after \(Self.waits.count) retries: \(error)")
        }
        let asked = error.retryAfter.map { Duration.seconds(max(0, min($0, Self.longestWait))) } ?? .zero
        let wait = max(Self.waits[attempt], asked)
        context.errors.notice("")
        context.errors.notice(
          "Retrying \(noun) (attempt \(attempt + 1)/\(Self.waits.count)) in \(wait.components.seconds)s: \(error)")
        try await context.clock.sleep(wait)
        attempt += 1
      } catch let error as ClientError {
        throw failure(reason(error, hasConnected: hasConnected))
      }
    }
  }

  /// What has become of the transfer, for people.
  private func reason(_ error: ClientError, hasConnected: Bool) -> String {
    switch (mode, error.code) {
    // The daemon's words, which scripts know, name neither registry nor tag.
    case (.pull, .status(404)) where error.message == "Model not found":
      guard let reference = try? context.names.parse(model) else { return error.message }
      let version = reference.tag.map { "the tag \($0)" } ?? "that digest"
      return "Model not found: \(reference.registry) has no \(reference.repository) with \(version)"
    case (.push, .status(404)) where error.message == "Model not found" && copyTarget == nil:
      return "Model not found; `\(ProgramName.current) list` shows the models that are here"
    case (.pull, .stream) where hasConnected: return "\(error). What came is kept; pull again to go on"
    default: return "\(error)"
    }
  }

  private func attemptOnce(
    with client: DaemonClient, showing display: inout TransferDisplay, hasConnected: inout Bool
  ) async throws -> String {
    let token = ModelNames.bearerToken(for: model, in: context)
    defer { display.finish() }
    var isConnected = false
    func show(_ line: ProgressLine) {
      isConnected = true
      if line.type == .warning {
        display.message("Warning: \(line.message)")
      } else if let id = line.layer.id {
        display.update(
          id: id, label: Self.shortID(id), current: line.layer.current, size: line.layer.size, total: line.total,
          at: context.clock.uptime())
      } else if !line.message.isEmpty {
        display.message(line.message)
      }
    }
    defer { if isConnected { hasConnected = true } }
    switch mode {
    case .pull:
      let request = PullRequest(
        from: model, bearerToken: token, verify: verifyKeys.map { _ in true },
        verifyKeys: verifyKeys.flatMap { $0.isEmpty ? nil : $0 })
      return try await client.pull(request, onLine: show)
    case .push:
      if let copyTarget { return try await client.copy(model, to: copyTarget, onLine: show) }
      return try await client.push(model, PushRequest(bearerToken: token, signature: signature), onLine: show)
    }
  }

  /// A daemon that never answered is not waited for; one that went away in the middle is.
  private static func mayPass(_ error: ClientError, hasConnected: Bool) -> Bool {
    switch error.code {
    case .status(429), .status(502), .status(503), .status(504), .connection: return true
    case .notRunning: return hasConnected
    // The daemon has repeated its own transfer already before it reports an error in the stream.
    case .stream, .status, .invalidHost, .unexpectedAnswer: return false
    }
  }

  private func failure(_ reason: String) -> CommandError {
    CommandError(.transferFailed, "Failed to \(copyTarget == nil ? mode.rawValue : "copy") model \(model): \(reason)")
  }

  private var noun: String { copyTarget != nil ? "copy" : mode == .pull ? "download" : "push" }

  private var words: TransferLines.Words {
    switch mode {
    case .pull: TransferLines.Words(running: "Downloading", complete: "Pull complete", done: "Downloaded")
    case .push: TransferLines.Words(running: "Uploading", complete: "Push complete", done: "Uploaded")
    }
  }

  private static func shortID(_ id: String) -> String {
    String((id.split(separator: ":").last ?? id[...]).prefix(12))
  }
}

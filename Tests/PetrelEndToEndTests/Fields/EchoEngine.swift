// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing

/// A program in the place of `llama-server` that answers every request at once and writes down what it got.
struct EchoEngine: Sendable {
  private static let log = "engine.log"
  private static let source =
    EngineScript.start + #"""
      my $server = IO::Socket::UNIX->new(Local => $argument{'--host'}, Listen => 64) or die "listen: $!\n";
      while (1) {
        my $client = $server->accept or next;
        my $request = '';
        while ($request !~ /\r\n\r\n/) { sysread($client, $request, 65536, length $request) or last }
        my ($head, $body) = split(/\r\n\r\n/, $request, 2);
        my $length = $head =~ /content-length: *(\d+)/i ? $1 : 0;
        while (length $body < $length) { sysread($client, $body, 65536, length $body) or last }
        my ($path) = $head =~ m{^\S+ (\S+)};
        my $answer = '{"default_generation_settings":{"n_ctx":' . $context . '},"total_slots":4}';
        if ($head =~ /^POST/) {
          open(my $file, '>>', 'LOG') or die;
          print $file "$path ", unpack('H*', $body), "\n"; close $file;
          $answer = '{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","content":"ok","tokens":[1],'
            . '"input_tokens":3,"choices":[{"index":0,"finish_reason":"stop","text":"ok",'
            . '"message":{"role":"assistant","content":"ok"}}],'
            . '"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4,'
            . '"prompt_tokens_details":{"cached_tokens":1}},'
            . '"data":[{"index":0,"object":"embedding","embedding":[3,4,0]}],'
            . '"results":[{"index":0,"relevance_score":0.5}]}';
        }
        print $client "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ", length $answer,
          "\r\nConnection: close\r\n\r\n$answer";
        close $client;
      }
      """#

  let daemon: Daemon

  /// Calls `body` while a daemon runs that has this engine, and the demo model.
  static func with(_ body: @escaping @Sendable (EchoEngine) async throws -> Void) async throws {
    try await Scratch.with { scratch in
      let log = scratch.folder.appending(log).string
      try scratch.write(source.replacing("LOG", with: log), to: "echo/llama-server", executable: true)
      try await Daemon.with(in: scratch, environment: ["LLAMA_SERVER_PATH": scratch.folder.appending("echo").string]) {
        daemon in
        try await daemon.packageDemoModel()
        try await body(EchoEngine(daemon: daemon))
      }
    }
  }

  /// How many requests it got.
  var count: Int { lines.count }

  /// The path and the body of the last one.
  func last() throws -> (path: String, body: String) {
    let parts = try #require(lines.last).split(separator: " ")
    let digits = parts.count > 1 ? Array(parts[1].utf8) : []
    let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)
    }
    return (String(parts[0]), String(decoding: bytes, as: UTF8.self))
  }

  private var lines: [Substring] { daemon.scratch.read(Self.log).split(separator: "\n") }
}

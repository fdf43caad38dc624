// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// A program that plays `llama-server`. What it does stands in the file that it is given as `--model`.
package enum FakeLlamaServer {
  /// Words of the model file, in any number:
  ///
  /// - `gate`: not ready before a file `<model>.go` exists.
  /// - `never-listen`: runs, and never opens its socket.
  /// - `silent`: takes connections and never says a word.
  /// - `exit:<status>:<text>`: prints the text and ends.
  /// - `signal:<number>`: ends itself by a signal.
  /// - `flood:<MB>`: prints a line of that length before it listens.
  /// - `kill-first:<count>`: so many starts end by SIGKILL.
  /// - `mute`: is not well any more from when a file `<model>.mute` exists.
  /// - `ignore-term`: SIGTERM does nothing.
  /// - `slow-term`: ends a fifth of a second after SIGTERM.
  /// - `context:<tokens>`: says that it has this context, instead of the one that it was asked for.
  ///
  /// Each start appends a line with the process's number to `<model>.starts`, and one with its arguments to
  /// `<model>.arguments`.
  private static let source = #"""
    #!/usr/bin/env perl
    use strict; use warnings; use IO::Socket::UNIX;
    $| = 1;
    my %argument;
    for my $i (0 .. $#ARGV - 1) { $argument{$ARGV[$i]} = $ARGV[$i + 1] }
    my ($model, $socket) = @argument{'--model', '--host'};
    open(my $file, '<', $model) or die "no model\n";
    my $plan = join('', <$file>);
    $SIG{TERM} = 'IGNORE' if $plan =~ /ignore-term/;
    $SIG{TERM} = sub { select(undef, undef, undef, 0.2); exit 0 } if $plan =~ /slow-term/;
    open(my $starts, '>>', "$model.starts") or die;
    print $starts "$$\n"; close $starts;
    open(my $lines, '>>', "$model.arguments") or die;
    print $lines "@ARGV\n"; close $lines;
    print "loading $model\n";
    if ($plan =~ /exit:(\d+):(.*)/) { print "$2\n"; exit $1 }
    if ($plan =~ /signal:(\d+)/) { $SIG{TERM} = 'DEFAULT'; kill $1, $$; sleep 1 while 1 }
    if ($plan =~ /flood:(\d+)/) { print 'x' x 1_000_000 for 1 .. $1; print "end of flood\n" }
    if ($plan =~ /kill-first:(\d+)/) {
      open(my $earlier, '<', "$model.starts") or die;
      my @earlier = <$earlier>;
      kill 'KILL', $$ if @earlier <= $1;
    }
    if ($plan =~ /never-listen/) { sleep 1 while 1 }
    my $server = IO::Socket::UNIX->new(Local => $socket, Listen => 64) or die "listen: $!\n";
    my @kept;
    while (1) {
      my $client = $server->accept or next;
      if ($plan =~ /silent/) { push @kept, $client; next }
      my $request = '';
      while ($request !~ /\r\n\r\n/) { sysread($client, $request, 4096, length $request) or last }
      my $ready = ($plan !~ /gate/ || -e "$model.go") && !-e "$model.mute";
      my $context = $plan =~ /context:(\d+)/ ? $1 : $argument{'--ctx-size'} // 4096;
      my $slots = $argument{'--parallel'} // 64;
      $context /= $argument{'--parallel'} // 1 unless $plan =~ /context:/ || grep { $_ eq '--kv-unified' } @ARGV;
      my $body = $request =~ m{^GET /props }
        ? qq({"default_generation_settings":{"n_ctx":$context},"total_slots":$slots}) : '';
      print $client 'HTTP/1.1 ', $ready ? '200 OK' : '503 Loading', "\r\nContent-Length: ", length $body,
        "\r\n\r\n$body";
      close $client;
    }
    """#

  /// Writes the program as `llama-server` into a folder.
  @discardableResult
  package static func install(in folder: FilePath) throws -> FilePath {
    let path = folder.appending("llama-server")
    try path.write(source, mode: 0o755)
    return path
  }

  /// The arguments of each start for a model, oldest first.
  package static func commandLines(of model: FilePath) -> [String] {
    FilePath(model.string + ".arguments").text.split(separator: "\n").map(String.init)
  }

  /// The numbers of the processes that were started for a model, oldest first.
  package static func starts(of model: FilePath) -> [Int32] {
    FilePath(model.string + ".starts").text.split(separator: "\n").compactMap { Int32($0) }
  }
}

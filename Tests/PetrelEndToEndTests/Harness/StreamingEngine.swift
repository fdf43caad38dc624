// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// A program that plays `llama-server` for very many requests at a time. A request whose prompt has the word `flood` is
/// answered with events as fast as they are taken, one with `quiet` with one event and then nothing more, and any other
/// with a short answer.
enum StreamingEngine {
  /// Events of a flood: much more than the kernel keeps for a client that does not read.
  static let floodEvents = 24_000
  /// Bytes that an event has at least.
  static let eventSize = 990

  /// `GET /sent` tells how many events of floods have been taken.
  private static let source =
    EngineScript.start + #"""
      use IO::Poll qw(POLLIN POLLOUT POLLHUP POLLERR);
      my $server = IO::Socket::UNIX->new(Local => $argument{'--host'}, Listen => 1024) or die "listen: $!\n";
      $server->blocking(0);
      my $head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
      sub chunk { sprintf("%x\r\n%s\r\n", length $_[0], $_[0]) }
      my $event = chunk('data: {"choices":[{"index":0,"delta":{"content":"' . 'x' x 940 . "\"}}]}\n\n");
      my $last = chunk("data: [DONE]\n\n") . "0\r\n\r\n";
      sub whole { "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " . length($_[0]) . "\r\n\r\n$_[0]" }
      my ($poll, %client, $sent) = (IO::Poll->new, (), 0);
      $sent = 0;
      $poll->mask($server => POLLIN);
      while (1) {
        $poll->poll(-1);
        while (my $new = $server->accept) {
          $new->blocking(0);
          $client{fileno $new} = {socket => $new, in => '', out => '', left => 0, closes => 0};
          $poll->mask($new => POLLIN);
        }
        for my $socket ($poll->handles(POLLIN | POLLHUP | POLLERR)) {
          next if $socket == $server;
          my $state = $client{fileno $socket};
          my $count = sysread($socket, $state->{in}, 65536, length $state->{in});
          if (defined $count && $count == 0 || !defined $count && !$!{EAGAIN}) {
            $poll->remove($socket); delete $client{fileno $socket}; close $socket; next;
          }
          next unless $state->{in} =~ /^(.*?)\r\n\r\n/s;
          my ($request, $size) = ($1, $+[0]);
          $size += $request =~ /^content-length: *(\d+)/mi ? $1 : 0;
          next if length $state->{in} < $size;
          my $text = substr($state->{in}, 0, $size, '');
          if ($text =~ /^GET/) {
            $state->{closes} = 1;
            $state->{out} = whole($text =~ m{^GET /sent } ? $sent : $text =~ m{^GET /props }
              ? qq({"default_generation_settings":{"n_ctx":$context},"total_slots":4096}) : '{"status":"ok"}');
          } elsif ($text =~ /flood/) { $state->{out} = $head; $state->{left} = FLOOD
          } elsif ($text =~ /quiet/) { $state->{out} = $head . $event
          } else { $state->{out} = whole('{"choices":[{"message":{"role":"assistant","content":"here"}}]}') }
          $poll->mask($socket => POLLIN | POLLOUT);
        }
        for my $socket ($poll->handles(POLLOUT)) {
          my $state = $client{fileno $socket} or next;
          while (1) {
            if ($state->{out} eq '' && $state->{left} > 0) {
              $state->{out} = --$state->{left} ? $event : $event . $last; $sent++;
            }
            last if $state->{out} eq '';
            my $count = syswrite($socket, $state->{out});
            last unless defined $count;
            substr($state->{out}, 0, $count, '');
          }
          next if $state->{out} ne '';
          $poll->mask($socket => POLLIN);
          if ($state->{closes}) { $poll->remove($socket); delete $client{fileno $socket}; close $socket }
        }
      }
      """#

  /// Writes the program into a folder of `scratch`.
  ///
  /// - Returns: the folder, for `LLAMA_SERVER_PATH`.
  static func install(in scratch: Scratch) throws -> String {
    let source = source.replacing("FLOOD", with: String(floodEvents))
    try scratch.write(source, to: "bin/llama-server", executable: true)
    return scratch.folder.appending("bin").string
  }
}

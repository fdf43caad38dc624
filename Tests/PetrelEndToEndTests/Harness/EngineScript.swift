// SPDX-License-Identifier: Apache-2.0

/// Programs that play `llama-server`.
enum EngineScript {
  /// How each of them begins: reads its arguments, and from these what it has to say of each slot's context.
  static let start = #"""
    #!/usr/bin/env perl
    use strict; use warnings; use IO::Socket::UNIX;
    my %argument;
    for my $i (0 .. $#ARGV - 1) { $argument{$ARGV[$i]} = $ARGV[$i + 1] }
    my $context = $argument{'--ctx-size'} // 4096;
    $context /= $argument{'--parallel'} // 1 unless grep { $_ eq '--kv-unified' } @ARGV;

    """#
}

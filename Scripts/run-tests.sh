#!/usr/bin/env bash
# Runs the tests that are built, and says last what failed: in a long log, that is what a reader sees.
# Arguments go to `swift test`; without any, all tests are run.
set -euo pipefail
cd "$(dirname "$0")/.."
log=.build/tests.log
mkdir -p .build
: >"$log"
failed=0
run() { swift test -c release --skip-build "$@" 2>&1 | tee -a "$log" || failed=1; }

if (($# > 0)); then
  run "$@"
else
  # Daemons and engines leave no time to others, so that those who watch for what happens next come before them.
  run --skip PetrelEndToEndTests
  run --filter PetrelEndToEndTests
fi
if ((failed)); then
  echo
  echo "What failed (all of it is in $log):"
  # An issue, the comments under it, and nothing of what passed.
  awk '/^[^[:alnum:]]*(✘|error:|.*Fatal error)/ { shown = 1 } /^[^[:alnum:]]*(✔|◇|➜)/ { shown = 0 } shown' "$log" |
    tail -n 200
fi
exit "$failed"

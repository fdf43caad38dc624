#!/usr/bin/env bash
# Runs the tests that are built, and says last what failed: in a long log, that is what a reader sees.
# Arguments go to `swift test`.
set -euo pipefail
cd "$(dirname "$0")/.."
log=.build/tests.log
mkdir -p .build
if swift test -c release --skip-build "$@" 2>&1 | tee "$log"; then
  exit 0
fi
echo
echo "What failed (all of it is in $log):"
# An issue, the comments under it, and nothing of what passed.
awk '/^[^[:alnum:]]*(✘|error:|.*Fatal error)/ { shown = 1 } /^[^[:alnum:]]*(✔|◇)/ { shown = 0 } shown' "$log" | tail -n 200
exit 1

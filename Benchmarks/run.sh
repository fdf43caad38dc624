#!/usr/bin/env bash
# Measures Petrel against named peers; docs/benchmarks.md says what and how.
# Usage: run.sh PETREL WEIGHTS [--json FILE] [--rounds N] [BENCHMARK]...; without one, all of them run.
# PETREL is the release binary, WEIGHTS a small GGUF file. Needs nginx, wrk, docker-registry and skopeo.
set -euo pipefail

if [[ ! -d /proc/self ]]; then
  echo "The benchmarks read /proc and need Linux." >&2
  exit 1
fi
for command in nginx wrk docker-registry skopeo; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null && continue
  echo "$command is missing; run Scripts/install-packages.sh bench" >&2
  exit 1
done

benchmarks=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if ! log=$(swift build -c release --package-path "$benchmarks" 2>&1); then
  echo "$log" >&2
  exit 1
fi
tools=$(swift build -c release --package-path "$benchmarks" --show-bin-path)
PYTHONPATH="$benchmarks" PYTHONDONTWRITEBYTECODE=1 exec python3 -m bench --tools "$tools" "$@"

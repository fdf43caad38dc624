#!/usr/bin/env bash
# Puts the demo model into the store unless another model is asked for or it is there.
# Usage: ensure-demo-model.sh PETREL WEIGHTS MODEL
set -euo pipefail

petrel=$1 weights=$2 model=$3
[[ "$model" == petrel/demo || "$model" == petrel/demo:latest ]] || exit 0
"$petrel" inspect "$model" >/dev/null 2>&1 || "$petrel" package --gguf "$weights" petrel/demo

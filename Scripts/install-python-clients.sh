#!/usr/bin/env bash
# Makes a virtual environment with the Python clients that the tests use, once for each set of versions.
# Usage: install-python-clients.sh DIR
set -euo pipefail

venv=$1
packages=(openai==3.52.0 anthropic==2.12.0 ollama==0.6.3 gguf==0.19.0 jsonschema==4.26.0 schemathesis==4.32.5)
mark="$venv/.petrel-${packages[*]}"
[[ -e "$mark" ]] && exit 0

echo "Installing ${packages[*]} into $venv ..." >&2
rm -rf "$venv"
mkdir -p "$(dirname "$venv")"
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
touch "$mark"

#!/usr/bin/env bash
# Makes a virtual environment with a set of Python packages that the tests use, once for each set of versions.
# Usage: install-python-clients.sh DIR clients|frameworks
set -euo pipefail

venv=$1
case "$2" in
  clients)
    packages=(openai==3.52.0 anthropic==2.12.0 ollama==0.6.3 gguf==0.19.0 jsonschema==4.26.0 schemathesis==4.32.5) ;;
  # They want another openai. LiteLLM needs mcp for tools and does not say so.
  frameworks)
    packages=(langchain-openai==1.7.3 llama-index-llms-openai-like==0.8.1 litellm==1.106.2 openai==2.54.0 mcp==2.3.0) ;;
  *) echo "there is no set of packages \"$2\"" >&2; exit 2 ;;
esac
mark="$venv/.petrel-${packages[*]}"
[[ -e "$mark" ]] && exit 0

echo "Installing ${packages[*]} into $venv ..." >&2
rm -rf "$venv"
mkdir -p "$(dirname "$venv")"
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
touch "$mark"

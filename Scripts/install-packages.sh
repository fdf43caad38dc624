#!/usr/bin/env bash
# Installs the Debian packages that are missing; on other systems names what is needed.
# Usage: install-packages.sh [bench]
set -euo pipefail

declare -A package_of=(
  [g++]=g++ [make]=make [git]=git [curl]=curl [openssl]=openssl [ps]=procps [perl]=perl [docker-registry]=docker-registry [skopeo]=skopeo [docker]=docker.io
  [bwrap]=bubblewrap [promtool]=prometheus [jq]=jq [node]=nodejs
)
if [[ "${1:-}" == bench ]]; then package_of+=([nginx]=nginx-light [wrk]=wrk); fi

missing=()
for command in "${!package_of[@]}"; do
  command -v "$command" >/dev/null || PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null ||
    missing+=("${package_of[$command]}")
done
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
[[ "$(uname)" == Darwin || -e /usr/include/sqlite3.h ]] || missing+=(libsqlite3-dev)
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)

[[ ${#missing[@]} -eq 0 ]] && exit 0
if ! command -v apt-get >/dev/null; then
  echo "Please install: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [[ $(id -u) -ne 0 ]]; then as_root=(sudo); fi
echo "Installing ${missing[*]} ..." >&2
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null

#!/usr/bin/env bash
# Real MLflow, real MCP servers, real clients: installs the pinned versions into the cache folder, then runs scenario.py.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
binary="$(realpath "${1:?usage: run.sh PORTCULLIS-BINARY}")"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/portcullis/mlflow-test"
mkdir -p "$cache/clients"

venv() { # venv NAME PACKAGE...
  local folder="$cache/$1"
  shift
  [ -e "$folder/.installed" ] && [ "$(cat "$folder/.installed")" = "$*" ] && return
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
  echo "$*" >"$folder/.installed"
}

venv mlflow-venv "mlflow[mcp]==3.17.2" mlflow-mcp==0.4.1
venv mcp-venv mcp==2.3.0
cp "$here/package.json" "$here/package-lock.json" "$here/client_typescript.mjs" "$cache/clients/"
(cd "$cache/clients" && npm ci --no-audit --no-fund --silent)

PYTHONDONTWRITEBYTECODE=1 exec python3 "$here/scenario.py" "$binary" "$cache"

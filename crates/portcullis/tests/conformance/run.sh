#!/usr/bin/env bash
# The official conformance suite, and real clients, against the fixture server directly and through Portcullis.
#
#   run.sh PART PORTCULLIS-BINARY FIXTURE-BINARY
#
# PART is `servers`, `eras`, `oauth`, `issuer`, `parsers` or `upstream-side`. CONFORMANCE_OUT is the folder for results and logs.
set -euo pipefail

part="${1:?usage: run.sh PART PORTCULLIS-BINARY FIXTURE-BINARY}"
binary="$(realpath "${2:?usage: run.sh PART PORTCULLIS-BINARY FIXTURE-BINARY}")"
fixture="$(realpath "${3:?usage: run.sh PART PORTCULLIS-BINARY FIXTURE-BINARY}")"
here="$(cd "$(dirname "$0")" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/portcullis/conformance-test"
out="${CONFORMANCE_OUT:-$cache/out}"

mkdir -p "$cache" "$out"
if ! cmp -s "$here/package-lock.json" "$cache/installed-lock.json"; then
  cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$cache/"
  (cd "$cache" && npm ci --silent --ignore-scripts --no-audit --no-fund)
  cp "$here/package-lock.json" "$cache/installed-lock.json"
fi

python_packages="mcp==2.3.0"
if [ "$(cat "$cache/venv/.installed" 2>/dev/null)" != "$python_packages" ]; then
  rm -rf "$cache/venv"
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/pip" install --quiet --disable-pip-version-check "$python_packages"
  echo "$python_packages" >"$cache/venv/.installed"
fi
mkdir -p "$cache/clients"
cp "$here"/clients/*.mjs "$cache/clients/"

export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here/../mlflow"
exec python3 "$here/main.py" "$part" "$binary" "$fixture" "$cache" "$out"

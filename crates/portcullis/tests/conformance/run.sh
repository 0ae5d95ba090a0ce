#!/usr/bin/env bash
# The official conformance suite, and real clients, against the fixture server directly and through Portcullis.
#
#   run.sh PART PORTCULLIS-BINARY FIXTURE-BINARY
#
# PART is `servers`. CONFORMANCE_OUT is the folder for results and logs.
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

# The suite needs Node.js 22, which came with its modules.
node="$(echo "$cache"/node_modules/node-linux-*/bin/node)"
[ -x "$node" ] || node="$(command -v node)"

export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here/../mlflow" CONFORMANCE_MODULES="$cache/node_modules"
exec python3 "$here/main.py" "$part" "$binary" "$fixture" "$node" "$cache/node_modules" "$out"

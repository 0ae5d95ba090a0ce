#!/usr/bin/env bash
# The browser test: the product on a blank data folder, a fixture MCP server behind its connector, Chromium in front.
#
#   web/tests/run.sh BINARY [WORD]    a WORD runs only the cases whose title has it, and no unit tests of the scripts
#
# BROWSER_OUT is the folder for screenshots and logs; CHROMIUM the browser, when it is not the one on the PATH.
set -euo pipefail

binary="$(realpath "${1:?usage: web/tests/run.sh BINARY [WORD]}")"
here="$(cd "$(dirname "$0")" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/portcullis/browser-test"
out="${BROWSER_OUT:-$cache/out}"

[ -n "${BROWSER_OUT:-}" ] || rm -rf "$out"
mkdir -p "$cache" "$out"
if ! cmp -s "$here/package-lock.json" "$cache/installed-lock.json"; then
  cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$cache/"
  (cd "$cache" && npm ci --silent --no-audit --no-fund)
  cp "$here/package-lock.json" "$cache/installed-lock.json"
fi

# As root the product's PostgreSQL runs as another user, who has to reach the folder.
data="$(mktemp -d "${TMPDIR:-/tmp}/portcullis-browser-XXXXXX")"
chmod 755 "$data"
trap 'rm -rf "$data"' EXIT

status=0
if [ -z "${2:-}" ]; then
  BROWSER_MODULES="$cache" node --test "$here"/unit/*.test.mjs || status=$?
fi
BROWSER_MODULES="$cache" BROWSER_OUT="$out" BROWSER_DATA="$data" node "$here/main.mjs" "$binary" "${2:-}" || status=$?
exit "$status"

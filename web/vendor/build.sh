#!/usr/bin/env bash
# Builds the workbench's two bundles, which are committed so that building the product needs no Node.js.
#
#   web/vendor/build.sh            writes web/static/vendor/editor.js and web/static/js/workbench.js
#   web/vendor/build.sh --check    only says whether the committed ones are what the sources build
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
static="$here/../static"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/portcullis/workbench"

mkdir -p "$cache"
if ! cmp -s "$here/package-lock.json" "$cache/installed-lock.json"; then
  cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$cache/"
  (cd "$cache" && npm ci --silent --no-audit --no-fund)
  cp "$here/package-lock.json" "$cache/installed-lock.json"
fi

out="$(mktemp -d "${TMPDIR:-/tmp}/portcullis-workbench-XXXXXX")"
trap 'rm -rf "$out"' EXIT
NODE_PACKAGES="$cache" node "$here/build.mjs" "$out"

bundles=(vendor/editor.js js/workbench.js)
if [ "${1:-}" = "--check" ]; then
  for bundle in "${bundles[@]}"; do
    cmp "$out/$bundle" "$static/$bundle" || { echo "$bundle is not what its sources build: run web/vendor/build.sh" >&2; exit 1; }
  done
  echo "the committed bundles are what their sources build"
  exit
fi
for bundle in "${bundles[@]}"; do
  install -D -m 644 "$out/$bundle" "$static/$bundle"
done
wc -c "${bundles[@]/#/$static/}"

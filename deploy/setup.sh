#!/usr/bin/env bash
# Installs what is missing, and nothing else, on Debian or Ubuntu.
#
#   deploy/setup.sh build  a C compiler
#   deploy/setup.sh run    what running from source needs: a C compiler and PostgreSQL's server programs
#   deploy/setup.sh fuzz   a C++ compiler as well
#   deploy/setup.sh test   also what the tests need: Redis, Chromium, Node.js, Python
#
# With DATABASE_URL set no PostgreSQL is needed. Elsewhere than on Debian it only says what is missing.
set -euo pipefail

purpose="${1:?usage: deploy/setup.sh build|run|fuzz|test}"
cd "$(dirname "$0")/.."

# Checkouts share one folder of built things. Cargo tells a changed file by its time alone and may take another checkout's
# crates for this one's, so those (not the libraries) are built anew when the last build was of another checkout.
if [ -n "${CARGO_TARGET_DIR:-}" ]; then
  mark="$CARGO_TARGET_DIR/.checkout"
  if [ -e "$mark" ] && [ "$(cat "$mark")" != "$PWD" ]; then
    mapfile -t ours < <(sed -n '/^\[package\]/,/^$/s/^name = "\(.*\)"/--package=\1/p' crates/*/Cargo.toml)
    cargo clean --quiet "${ours[@]}"
    cargo clean --quiet --release "${ours[@]}"
  fi
  mkdir -p "$CARGO_TARGET_DIR"
  echo "$PWD" >"$mark"
fi
missing=()

want() { # want PACKAGE COMMAND...: the package is needed unless one of the commands is there
  local package="$1"
  shift
  local command
  for command in "$@"; do
    if command -v "$command" >/dev/null 2>&1 || compgen -G "$command" >/dev/null; then return; fi
  done
  missing+=("$package")
}

want gcc cc
want libc6-dev /usr/include/stdio.h
if [ "$purpose" = fuzz ]; then
  want g++ c++
fi
if [ "$purpose" = test ] || { [ "$purpose" = run ] && [ -z "${DATABASE_URL:-}" ]; }; then
  want postgresql initdb "/usr/lib/postgresql/1[5-9]/bin/initdb" "/usr/lib/postgresql/[2-9]?/bin/initdb"
fi
if [ "$purpose" = test ]; then
  want ca-certificates /etc/ssl/certs/ca-certificates.crt
  want fonts-dejavu-core "/usr/share/fonts/truetype/*/*.ttf"
  want redis-server redis-server
  want chromium chromium
  want nodejs node
  want npm npm
  want python3 python3
  want python3-venv "/usr/lib/python3*/ensurepip/__init__.py" "$(dirname "$(dirname "$(readlink -f "$(command -v python3 || echo /usr/bin/python3)")")")/lib/python3*/ensurepip/__init__.py"
fi

[ "${#missing[@]}" -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "portcullis: missing packages: ${missing[*]}. Install them as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "portcullis: missing: ${missing[*]} (Debian's package names). Install them with your system's package manager." >&2
  exit 1
fi

echo "portcullis: installing ${missing[*]}"
# Debian would also start a cluster of its own on port 5432, which nobody here uses.
if [[ " ${missing[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
  "${as_root[@]}" mkdir -p /etc/postgresql-common
  echo "create_main_cluster = false" | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold "${missing[@]}" >/dev/null

#!/usr/bin/env bash
# Fuzzes every target (or the ones named) for SECONDS each, from the language's vectors. Needs stable Rust and a C++
# compiler, nothing else. Ends with an error, and the input that did it, as soon as one crashes.
#
#   crates/policy/fuzz/run.sh SECONDS [TARGET…]
set -euo pipefail

seconds=${1:?usage: run.sh SECONDS [document|conditions|calls…]}
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(document conditions calls)

here=$(cd "$(dirname "$0")" && pwd)
built=${CARGO_TARGET_DIR:-$here/target}/fuzz
found=${FUZZ_FOLDER:-$built/found}
host=$(rustc -vV | sed -n 's/^host: //p')

# What `cargo fuzz` passes, without the sanitizers, which need nightly: the code under test has no unsafe blocks. With
# --target, build scripts and macros are left out of it.
flags=(
  --cfg fuzzing
  -Cpasses=sancov-module
  -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares
)
RUSTFLAGS="${flags[*]}" cargo build --manifest-path "$here/Cargo.toml" --locked --release --target "$host" \
  --target-dir "$built" "${targets[@]/#/--bin=}"

for target in "${targets[@]}"; do
  corpus=$found/$target/corpus
  mkdir -p "$corpus"
  echo "fuzzing $target for $seconds s"
  log=$found/$target/log
  status=0
  "$built/$host/release/$target" "$corpus" "$here/../tests/vectors" \
    -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -max_len=16384 -dict="$here/policy.dict" \
    -artifact_prefix="$found/$target/" -print_final_stats=1 >"$log" 2>&1 || status=$?
  grep -E '^#[0-9]+.*(DONE|INITED)|^stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)' "$log" || true
  if [ "$status" -ne 0 ]; then
    tail -n 60 "$log"
    echo "$target failed; the input is in $found/$target" >&2
    exit "$status"
  fi
done

#!/usr/bin/env bash
# Latency of the network alone, at the three sizes of the paper's Figure 5, and what it asks of the heap.
# Arguments go to `segmentd bench`; --figure5 where there are none.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh
. scripts/swift-path.sh
segmentd=$(swift build -c "${CONFIGURATION:-release}" --show-bin-path)/segmentd
[ $# -gt 0 ] || set -- --figure5
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# The counter that the tests use, in malloc's place for this run only.
clang -O2 -fPIC -shared -ftls-model=initial-exec -o "$folder/allocations.so" \
    Tests/CAllocationCounter/allocation_counter.c
LD_PRELOAD="$folder/allocations.so" "$segmentd" bench "$@"

#!/usr/bin/env bash
# Sets up, builds and runs every test. CONFIGURATION=debug (the default) or release; SANITIZE=address or thread.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
arguments=(-c "${CONFIGURATION:-debug}")
if [ -n "${SANITIZE:-}" ]; then
    # A build folder of its own, so that the plain build stays; XCTest leaks by itself, so leaks are not looked for.
    arguments+=("--sanitize=$SANITIZE" --scratch-path ".build-$SANITIZE")
    export ASAN_OPTIONS="detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
fi
exec swift test "${arguments[@]}" </dev/null

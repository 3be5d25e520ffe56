#!/usr/bin/env bash
# Sets up, builds and runs every test. CONFIGURATION=debug (the default) or release; SANITIZE=address or thread.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
. scripts/swift-path.sh
arguments=(-c "${CONFIGURATION:-debug}")
if [ -n "${SANITIZE:-}" ]; then
    # A build folder of its own, so that the plain build stays; XCTest leaks by itself, so leaks are not looked for.
    arguments+=("--sanitize=$SANITIZE" --scratch-path ".build-$SANITIZE")
    export ASAN_OPTIONS="detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
    if [ "$SANITIZE" = thread ]; then
        # A Mutex that had to be waited for is taken by a futex inside libswiftSynchronization, which is not instrumented.
        echo "test: ThreadSanitizer does not see a contended Mutex being taken (Swift 6.3 on Linux): a race between two" \
            "accesses that are both inside withLock is none. Any other is." >&2
    fi
fi
exec swift test "${arguments[@]}" </dev/null

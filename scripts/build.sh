#!/usr/bin/env bash
# Builds the executable: CONFIGURATION=release (the default) or debug.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
. scripts/swift-path.sh
swift build -c "${CONFIGURATION:-release}" --product segmentd
echo "built $(swift build -c "${CONFIGURATION:-release}" --show-bin-path)/segmentd"

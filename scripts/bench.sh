#!/usr/bin/env bash
# Latency of the network alone, at the three sizes of the paper's Figure 5.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh
segmentd=$(swift build -c "${CONFIGURATION:-release}" --show-bin-path)/segmentd
"$segmentd" bench --size 512x1024 --size 768x1024 --size 1024x2048

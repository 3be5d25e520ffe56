#!/usr/bin/env bash
# The fault bench on a release build. SHORT=1: the faults that CI tries. Arguments go to benchmarks/faults/faults.py.
# What it needs besides is installed where that is possible; where not, the bench says "skipped", and fails where CI is
# set.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh
. scripts/swift-path.sh
packages=(python3-gi python3-numpy gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good
    gstreamer1.0-plugins-bad procps)
timeout 600 scripts/setup.sh "${packages[@]}" || echo "faults: could not install ${packages[*]}"
segmentd=$(swift build -c "${CONFIGURATION:-release}" --show-bin-path)/segmentd
python=/usr/bin/python3
if [ ! -x "$python" ]; then
    echo "faults: skipped: there is no $python"
    [ -z "${CI:-}" ] || exit 1
    exit 0
fi
exec "$python" benchmarks/faults/faults.py --segmentd "$segmentd" ${SHORT:+--short} "$@"

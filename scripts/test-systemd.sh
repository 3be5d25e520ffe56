#!/usr/bin/env bash
# The unit as `make install` installs it, under a real systemd in namespaces (benchmarks/systemd/check.py), on a release
# build. Says "skipped" where that cannot be, and fails there where CI is set.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh
. scripts/swift-path.sh
packages=(systemd systemd-container python3-numpy python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base
    gstreamer1.0-plugins-good gstreamer1.0-plugins-bad)
timeout 600 scripts/setup.sh "${packages[@]}" || echo "systemd: could not install ${packages[*]}"
python=/usr/bin/python3
if [ ! -x "$python" ]; then
    echo "systemd: skipped: there is no $python"
    [ -z "${CI:-}" ] || exit 1
    exit 0
fi
exec "$python" benchmarks/systemd/check.py --built "$(swift build -c "${CONFIGURATION:-release}" --show-bin-path)" "$@"

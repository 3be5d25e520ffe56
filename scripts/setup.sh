#!/usr/bin/env bash
# Makes sure that Swift and the Debian packages which segmentd builds on are there. Quick when they are.
# Arguments: more packages. A machine without Swift gets it from scripts/install-swift.sh, which asks first.
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)

wanted_swift=6.2
packages=(pkg-config ffmpeg libavformat-dev libavcodec-dev libswscale-dev libavutil-dev libopenblas-dev)

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

. "$scripts/swift-path.sh"
if ! command -v swift >/dev/null; then
    "$scripts/install-swift.sh"
    . "$scripts/swift-path.sh"
fi
version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' | head -n 1)
[ -n "$version" ] || fail "'swift --version' does not tell its version: is the installation whole?"
if [ "$(printf '%s\n' "$wanted_swift" "$version" | sort -V | head -n 1)" != "$wanted_swift" ]; then
    fail "Swift $version ($(command -v swift)) is too old: segmentd needs $wanted_swift or newer." \
        "Remove it from PATH, then scripts/install-swift.sh installs a newer one; or https://www.swift.org/install/linux/."
fi

if ! command -v dpkg-query >/dev/null; then
    pkg-config --exists libavformat libavcodec libswscale libavutil openblas 2>/dev/null && exit 0
    fail "this is no Debian: install pkg-config, ffmpeg and the development files of FFmpeg and OpenBLAS yourself."
fi
exec "$scripts/install-packages.sh" "${packages[@]}" "$@"

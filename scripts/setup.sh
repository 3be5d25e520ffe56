#!/usr/bin/env bash
# Makes sure that Swift and the Debian packages which segmentd builds on are there. Quick when they are.
set -euo pipefail

wanted_swift=6.2
packages=(pkg-config ffmpeg libavformat-dev libavcodec-dev libswscale-dev libavutil-dev libopenblas-dev)

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

if ! command -v swift >/dev/null; then
    fail "there is no 'swift' in PATH. Install Swift $wanted_swift or newer:" \
        "https://www.swift.org/install/linux/ (for Debian 12: unpack the archive, then put its usr/bin into PATH)."
fi
version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' | head -n 1)
[ -n "$version" ] || fail "'swift --version' does not tell its version: is the installation whole?"
if [ "$(printf '%s\n' "$wanted_swift" "$version" | sort -V | head -n 1)" != "$wanted_swift" ]; then
    fail "Swift $version is too old: segmentd needs $wanted_swift or newer (https://www.swift.org/install/linux/)."
fi

if ! command -v dpkg-query >/dev/null; then
    pkg-config --exists libavformat libavcodec libswscale libavutil openblas 2>/dev/null && exit 0
    fail "this is no Debian: install pkg-config, ffmpeg and the development files of FFmpeg and OpenBLAS yourself."
fi

missing=()
for package in "${packages[@]}" "$@"; do
    # "install ok installed", and no answer at all for a package that dpkg has never seen
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "setup: installing ${missing[*]}"
root=(env DEBIAN_FRONTEND=noninteractive)
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "packages are missing and there is no sudo. As root: apt-get install ${missing[*]}"
    root=(sudo "${root[@]}")
fi
options=(-q -y -o Dpkg::Use-Pty=0 -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300)
"${root[@]}" apt-get "${options[@]}" update
"${root[@]}" apt-get "${options[@]}" install --no-install-recommends "${missing[@]}" </dev/null

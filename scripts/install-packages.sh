#!/usr/bin/env bash
# Installs those of the Debian packages named that are missing. Quick when none is.
set -euo pipefail

missing=()
for package in "$@"; do
    # "install ok installed", and no answer at all for a package that dpkg has never seen
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "setup: installing ${missing[*]}"
root=(env DEBIAN_FRONTEND=noninteractive)
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "setup: packages are missing and there is no sudo. As root: apt-get install ${missing[*]}" >&2
        exit 1
    }
    root=(sudo "${root[@]}")
fi
options=(-q -y -o Dpkg::Use-Pty=0 -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300)
"${root[@]}" apt-get "${options[@]}" update
"${root[@]}" apt-get "${options[@]}" install --no-install-recommends "${missing[@]}" </dev/null

#!/usr/bin/env bash
# Builds the Debian package, has lintian look at it, and tries it in a bare Debian root under a real systemd
# (benchmarks/package/check.py): install, start, upgrade, remove, purge. A machine that cannot boot such a thing says
# "skipped"; where CI is set that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh lintian mmdebstrap debian-archive-keyring systemd systemd-container
scripts/deb.sh
packages=(.build-deb/segmentd_*.deb)
echo "deb-test: lintian"
lintian --allow-root --fail-on error --tag-display-limit 0 "${packages[0]}"
echo "deb-test: a bare root, booted"
exec /usr/bin/python3 benchmarks/package/check.py "${packages[0]}" "$@"

#!/usr/bin/env bash
# Tries scripts/install-swift.sh against a server of its own on loopback, with a swiftly and an apt-get that only say
# what they were asked (Tests/install-swift/check.py). Nothing is installed on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v dpkg-query >/dev/null; then scripts/install-packages.sh curl gpg gpg-agent python3; fi
exec python3 Tests/install-swift/check.py "$@"

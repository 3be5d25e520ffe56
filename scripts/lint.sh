#!/usr/bin/env bash
# Everything that can be said of the code without running it.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
. scripts/swift-path.sh
echo "lint: shell scripts"
for script in scripts/*.sh .ci/run; do
    bash -n "$script"
done
echo "lint: format"
swift format lint --strict -r Sources Tests Package.swift
echo "lint: import directions"
scripts/check-imports.sh
echo "lint: warnings as errors"
swift build --build-tests --explicit-target-dependency-import-check error

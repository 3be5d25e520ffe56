#!/usr/bin/env bash
# Writes all Swift code in the house's format (.swift-format).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/swift-path.sh

swift format -i -r Sources Tests Package.swift

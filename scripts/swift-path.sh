# Read by the scripts that call swift (`. scripts/swift-path.sh`): where PATH has no swift, the one that
# scripts/install-swift.sh installed for this user is found.
if ! command -v swift >/dev/null; then
    swiftly_bin=${SWIFTLY_BIN_DIR:-${HOME:-/root}/.local/share/swiftly/bin}
    if [ -x "$swiftly_bin/swift" ]; then export PATH="$swiftly_bin:$PATH"; fi
fi

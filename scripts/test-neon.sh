#!/usr/bin/env bash
# Checks the NEON kernels against their definitions under qemu, on any machine: they are built with clang's
# own cross compiler against Debian's arm64 C library. On a 64-bit Arm the check runs as it is.
# SKIP_INSTALL=1 does not install what is missing. Skipped with a message where the tools cannot be had; that fails
# where CI is set.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    echo "test-neon: skipped: $1"
    [ -z "${CI:-}" ] || exit 1
    exit 0
}

out=.build/neon
sources=(Sources/CKernels/*.c Tests/neon/*.c)
flags=(-std=gnu11 -O3 -ffp-contract=off -Wall -Wextra -Werror -ISources/CKernels/include)
mkdir -p "$out"

# The clang that comes with Swift, as the kernels are built with; any other will do.
clang=$(dirname "$(readlink -f "$(command -v swift || echo /nowhere)")")/clang
[ -x "$clang" ] || clang=$(command -v clang || true)
[ -n "$clang" ] || skip "there is no clang"

if [ "$(uname -m)" = aarch64 ]; then
    "$clang" "${flags[@]}" "${sources[@]}" -lm -o "$out/checkasm"
    exec "$out/checkasm"
fi

if [ -z "${SKIP_INSTALL:-}" ]; then
    scripts/setup.sh gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user >&2 || true
fi
command -v aarch64-linux-gnu-gcc >/dev/null || skip "there is no aarch64-linux-gnu-gcc (apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross)"
command -v qemu-aarch64 >/dev/null || skip "there is no qemu-aarch64 (apt-get install qemu-user)"
"$clang" --print-targets 2>/dev/null | grep -q '^ *aarch64 ' || skip "$clang builds nothing for aarch64"

objects=()
for source in "${sources[@]}"; do
    object=$out/$(basename "$source" .c).o
    "$clang" --target=aarch64-linux-gnu "${flags[@]}" -isystem /usr/aarch64-linux-gnu/include -c "$source" -o "$object"
    objects+=("$object")
done
aarch64-linux-gnu-gcc -static "${objects[@]}" -lm -o "$out/checkasm"
exec qemu-aarch64 "$out/checkasm"

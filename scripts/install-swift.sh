#!/usr/bin/env bash
# Installs Swift for this user with swiftly, the official installer, by the steps of
# https://www.swift.org/install/linux/swiftly: download, check of the PGP signature, `swiftly init`.
# Says what it will do and asks first; YES=1 or CI=true answers yes, for unattended use.
#
#   SWIFT_VERSION    the release to install
#   SWIFTLY_URL      the folder of swiftly-ARCH.tar.gz and swiftly-ARCH.tar.gz.sig, such as a mirror
#   SWIFT_KEYS_URL   the PGP keys that the signature is checked with
#   SWIFTLY_SHA256   where it is set, the archive must have this checksum too
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)

version=${SWIFT_VERSION:-6.3.1}
url=${SWIFTLY_URL:-https://download.swift.org/swiftly/linux}
keys=${SWIFT_KEYS_URL:-https://www.swift.org/keys/all-keys.asc}
bin=${SWIFTLY_BIN_DIR:-${HOME:?is not set}/.local/share/swiftly/bin}

fail() {
    printf 'install-swift: %s\n' "$@" >&2
    exit 1
}

architecture=$(uname -m)
case $architecture in
    x86_64 | aarch64) ;;
    *) fail "swiftly has no archive for the architecture $architecture, only for x86_64 and aarch64." \
        "Build or obtain Swift for it yourself, and put its usr/bin into PATH." ;;
esac
archive=swiftly-$architecture.tar.gz

cat <<END
install-swift: this needs Swift, and there is none in PATH. To install it for this user, without root:
  1. download $url/$archive, and check its PGP signature
  2. run 'swiftly init', which writes to ${bin%/bin} and adds a line to your shell's profile
  3. run 'swiftly install $version': about 1 GB to download, 4 GB of disk
Debian packages that swiftly needs, and those that it then names, are installed with apt-get (as root, or with sudo).
END
if [ "${YES:-}" != 1 ] && [ "${CI:-}" != true ]; then
    [ -t 0 ] || fail "nobody can be asked: standard input is no terminal. YES=1 (or CI=true) installs without asking;" \
        "or install Swift yourself: https://www.swift.org/install/linux/"
    read -r -p "Install Swift $version now? [y/N] " answer || true
    case ${answer:-} in
        y | Y | yes | Yes) ;;
        *) fail "nothing was installed. To install Swift yourself: https://www.swift.org/install/linux/" ;;
    esac
fi

# gnupg, not gpg alone: without its agent gpg imports no keys, neither for this script nor for swiftly.
if command -v dpkg-query >/dev/null; then "$scripts/install-packages.sh" ca-certificates curl gnupg tar; fi
for program in curl gpg tar sha256sum; do
    command -v "$program" >/dev/null || fail "there is no '$program' in PATH; install it, then try again."
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Downloads $1 to $2, or says why not.
download() {
    local status=0
    curl --fail --silent --show-error --location --retry 3 --retry-delay 1 --connect-timeout 20 --speed-limit 1000 \
        --speed-time 60 --output "$2" "$1" 2>"$folder/curl" || status=$?
    case $status in
        0) return ;;
        22) fail "the server refused $1: $(tail -n 1 "$folder/curl")" \
            "Is the address right? SWIFTLY_URL and SWIFT_KEYS_URL name another." ;;
        5 | 6 | 7 | 28) fail "could not reach the server of $1: $(tail -n 1 "$folder/curl")" \
            "Is this machine connected, and does it need a proxy (https_proxy)? SWIFTLY_URL names a mirror." ;;
        *) fail "could not download $1: curl ended with status $status: $(tail -n 1 "$folder/curl")" ;;
    esac
}

if [ ! -x "$bin/swiftly" ]; then
    echo "install-swift: downloading $url/$archive"
    download "$url/$archive" "$folder/$archive"
    if [ -n "${SWIFTLY_SHA256:-}" ]; then
        found=$(sha256sum "$folder/$archive" | cut -d ' ' -f 1)
        [ "$found" = "$SWIFTLY_SHA256" ] || fail "$url/$archive has the SHA-256 checksum $found; SWIFTLY_SHA256 expects" \
            "$SWIFTLY_SHA256. Nothing of it was run. Download it again, or correct the checksum."
    fi
    download "$url/$archive.sig" "$folder/$archive.sig"
    download "$keys" "$folder/keys.asc"
    # A keyring of its own: the user's stays as it is.
    mkdir -m 700 "$folder/gpg"
    gpg --homedir "$folder/gpg" --batch --quiet --import "$folder/keys.asc" 2>"$folder/gpg.log" ||
        fail "$keys holds no PGP keys: $(tail -n 1 "$folder/gpg.log")"
    gpg --homedir "$folder/gpg" --batch --verify "$folder/$archive.sig" "$folder/$archive" 2>"$folder/gpg.log" ||
        fail "the PGP signature of $url/$archive is not valid: $(tail -n 1 "$folder/gpg.log")" \
            "Nothing of it was run. Download it again; where that does not help, do not trust this server."
    tar -xzf "$folder/$archive" -C "$folder" || fail "$url/$archive is no archive that tar can read."
    [ -x "$folder/swiftly" ] || fail "$url/$archive has no program 'swiftly' in it."
    echo "install-swift: swiftly init"
    # Here and below, not in the source tree: swiftly would write a .swift-version into a repository.
    (cd "$folder" && ./swiftly init --assume-yes --quiet-shell-followup --skip-install </dev/null) ||
        fail "'swiftly init' failed. What it wrote is above; https://www.swift.org/install/linux/ helps further."
fi

echo "install-swift: swiftly install $version"
(cd "$folder" && "$bin/swiftly" install "$version" --use --assume-yes --post-install-file="$folder/post-install.sh" \
    </dev/null) || fail "'swiftly install $version' failed. What it wrote is above. SWIFT_VERSION names another release."
if [ -s "$folder/post-install.sh" ]; then
    root=(env DEBIAN_FRONTEND=noninteractive)
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "Swift needs packages, and there is no sudo. As root:" "$(cat "$folder/post-install.sh")"
        root=(sudo "${root[@]}")
    fi
    echo "install-swift: $(cat "$folder/post-install.sh")"
    if command -v apt-get >/dev/null; then "${root[@]}" apt-get -q update; fi
    "${root[@]}" bash "$folder/post-install.sh" </dev/null || fail "Swift's packages could not be installed; see above."
fi
PATH=$bin:$PATH
swift --version >/dev/null 2>&1 || fail "'$bin/swift --version' fails although swiftly has installed Swift $version."
echo "install-swift: done: $(swift --version 2>/dev/null | head -n 1)"
echo "install-swift: for your own shell: PATH=$bin:\$PATH, or log in anew"

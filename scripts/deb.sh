#!/usr/bin/env bash
# Builds the Debian package of this machine's release and architecture: .build-deb/segmentd_VERSION_ARCH.deb.
# Swift's libraries are linked in, so that the package needs no Swift; FFmpeg and OpenBLAS are Debian's.
# Arguments: none. DEB_MAINTAINER="Name <address>" names who answers for the package.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh debhelper dpkg-dev libcurl4-openssl-dev
. scripts/swift-path.sh
scratch=$PWD/.build-deb
flags=(-c release --static-swift-stdlib --scratch-path "$scratch" --product segmentd)
swift build "${flags[@]}"
built=$(swift build "${flags[@]}" --show-bin-path)

# shellcheck disable=SC1091
. /etc/os-release
version=$("$built/segmentd" --version | awk '{ print $2 }')
# One package for each release of Debian, which has its own FFmpeg; a later release's is newer.
version=$version-1~${ID/debian/deb}${VERSION_ID:-}
architecture=$(dpkg --print-architecture)
device=$(objdump -p "$built/segmentd" | sed -nE 's/^ *NEEDED +libavformat\.so\.([0-9]+)$/libavdevice\1/p')
[ -n "$device" ] || { echo "deb: $built/segmentd is not linked with libavformat" >&2; exit 70; }
# The same source gives the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}

stage=$scratch/stage/segmentd-$version
rm -rf "$scratch/stage"
mkdir -p "$stage"
cp -R packaging/debian "$stage/debian"
if [ -n "${DEB_MAINTAINER:-}" ]; then sed -i "s|^Maintainer: .*|Maintainer: $DEB_MAINTAINER|" "$stage/debian/control"; fi
sed "1s|^\.TH SEGMENTD 1 \"\" \"segmentd\"|.TH SEGMENTD 1 \"$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%d)\" \"segmentd $version\"|" \
    packaging/man/segmentd.1 >"$stage/debian/segmentd.1"
cat >"$stage/debian/changelog" <<END
segmentd ($version) ${VERSION_CODENAME:-unstable}; urgency=medium

  * Changes are listed by release in /usr/share/doc/segmentd/changelog.gz.

 -- $(sed -n 's/^Maintainer: //p' "$stage/debian/control")  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END

export SOURCE_DATE_EPOCH SEGMENTD_SOURCE=$PWD SEGMENTD_BUILT=$built SEGMENTD_DEVICE_LIBRARY=$device
if ! (cd "$stage" && dpkg-buildpackage -b -us -uc) >"$scratch/deb.log" 2>&1; then
    tail -n 30 "$scratch/deb.log" >&2
    echo "deb: dpkg-buildpackage failed; all it said is in $scratch/deb.log" >&2
    exit 70
fi
rm -f "$scratch"/segmentd_*.deb
mv "$scratch/stage/segmentd_${version}_$architecture.deb" "$scratch/"
echo "deb: $scratch/segmentd_${version}_$architecture.deb"

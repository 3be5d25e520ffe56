#!/usr/bin/env bash
# Installs what `make build` built: PREFIX (/usr/local) under DESTDIR (none). Builds nothing, so it can run as root.
# The program lies in PREFIX/lib/segmentd with its model and the Swift libraries, so that it needs no Swift; the unit
# and the documents where systemd and people look for them; config.yaml goes to /etc/segmentd unless there is one.
set -euo pipefail
cd "$(dirname "$0")/.."

prefix=${PREFIX:-/usr/local}
root=${DESTDIR:-}
configuration=${SYSCONFDIR:-/etc}/segmentd
built=${BUILD_FOLDER:-.build/${CONFIGURATION:-release}}

case $prefix in
    /*) ;;
    *) echo "install: PREFIX must be an absolute path, not $prefix" >&2 && exit 64 ;;
esac
for file in "$built/segmentd" "$built/segmentd_Networks.resources"; do
    [ -e "$file" ] || { echo "install: there is no $file. Run 'make build' first, as the user who builds." >&2; exit 66; }
done

library=$root$prefix/lib/segmentd
rm -rf "$library"
install -d "$library" "$root$prefix/bin" "$root$prefix/lib/systemd/system" "$root$prefix/lib/sysusers.d" \
    "$root$prefix/share/doc/segmentd"
install -m 0755 "$built/segmentd" "$library/segmentd"
cp -R --no-preserve=ownership "$built/segmentd_Networks.resources" "$library/"
chmod -R u=rwX,go=rX "$library"

# Swift's libraries: found beside the program where there is no toolchain.
ldd "$built/segmentd" | awk '/libswiftCore\.so/ { print $3 }' | while read -r core; do
    folder=$(dirname "$(readlink -f "$core")")
    ldd "$built/segmentd" | awk '{ print $3 }' | while read -r path; do
        [ -n "$path" ] && [ "$(dirname "$(readlink -f "$path")")" = "$folder" ] || continue
        install -m 0644 "$path" "$library/"
    done
done

ln -sfn ../lib/segmentd/segmentd "$root$prefix/bin/segmentd"
for unit in systemd/*.service systemd/*.socket; do
    [ -e "$unit" ] || continue
    sed "s|/usr/bin/segmentd|$prefix/bin/segmentd|" "$unit" >"$root$prefix/lib/systemd/system/${unit##*/}"
    chmod 0644 "$root$prefix/lib/systemd/system/${unit##*/}"
done
install -m 0644 systemd/sysusers.conf "$root$prefix/lib/sysusers.d/segmentd.conf"
documents=$root$prefix/share/doc/segmentd
install -m 0644 README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE NOTICE config.yaml "$documents/"
# Pages keep their folders, so that the links between them work.
find docs -name '*.md' | while read -r page; do
    install -d "$documents/$(dirname "$page")"
    install -m 0644 "$page" "$documents/$page"
done
install -D -m 0644 packaging/man/segmentd.1 "$root$prefix/share/man/man1/segmentd.1"

install -d "$root$configuration"
if [ -e "$root$configuration/config.yaml" ]; then
    echo "install: left $root$configuration/config.yaml as it is; the new one's text is in $prefix/share/doc/segmentd"
else
    # As documented, but readers need not be root: the unit makes the service a member of that group.
    sed 's/^  group: none$/  group: segmentd-readers/' config.yaml >"$root$configuration/config.yaml"
    chmod 0644 "$root$configuration/config.yaml"
fi
echo "install: $root$prefix/bin/segmentd, configured by $root$configuration/config.yaml"
if [ -z "$root" ]; then
    if command -v systemd-sysusers >/dev/null; then
        # The group that may read masks.
        systemd-sysusers "$prefix/lib/sysusers.d/segmentd.conf" || true
    fi
    if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
    echo "install: to start it now and at every boot: systemctl enable --now segmentd"
fi

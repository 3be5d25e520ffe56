#!/usr/bin/env bash
# Removes what `make install` put there: PREFIX (/usr/local) under DESTDIR (none). Configuration and recordings stay.
set -euo pipefail

prefix=${PREFIX:-/usr/local}
root=${DESTDIR:-}
configuration=${SYSCONFDIR:-/etc}/segmentd

case $prefix in
    /*) ;;
    *) echo "uninstall: PREFIX must be an absolute path, not $prefix" >&2 && exit 64 ;;
esac
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
    # One by one: systemctl does nothing at all for the others where one does not exist.
    for unit in segmentd.socket segmentd.service; do systemctl disable --now "$unit" 2>/dev/null || true; done
fi
rm -rf "$root$prefix/lib/segmentd" "$root$prefix/share/doc/segmentd"
rm -f "$root$prefix/bin/segmentd" "$root$prefix/lib/systemd/system/segmentd.service" \
    "$root$prefix/lib/systemd/system/segmentd.socket" "$root$prefix/lib/sysusers.d/segmentd.conf" \
    "$root$prefix/share/man/man1/segmentd.1"
if [ -z "$root" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
for kept in "$root$configuration" "$root/var/lib/segmentd"; do
    [ ! -e "$kept" ] || echo "uninstall: left $kept as it is: it is yours"
done

#!/usr/bin/env bash
# Every import of one of our modules must be a dependency that Package.swift states for the target.
# (swift build --explicit-target-dependency-import-check is meant to say so; Swift 6.3 lets all pass here.)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/swift-path.sh

# Lines "target dependency" and "target path", from the description's indented sections.
description=$(swift package describe | awk '
    /^Targets:/ { inside = 1 } !inside { next }
    /^    Name: / { name = $2; section = ""; print "name", name }
    /^    [A-Z]/ { section = $0 }
    /^    Path: / { print "path", name, $2 }
    section ~ /Target dependencies:/ && /^        / { print "dependency", name, $1 }')

found=0
while read -r _ target path; do
    while IFS=: read -r file line text; do
        module=$(sed -E 's/^.*import +((class|struct|enum|protocol|func|var|let|typealias) +)?([A-Za-z0-9_]+).*$/\3/' <<<"$text")
        grep -qx "name $module" <<<"$description" || continue
        grep -qx "dependency $target $module" <<<"$description" && continue
        echo "$file:$line: error: $target imports $module, which Package.swift does not list among its dependencies" >&2
        found=1
    done < <(grep -rnE '^ *(@[A-Za-z_]+(\([a-z]+\))? +)*((public|package|internal|private|fileprivate) +)?import +' \
        --include='*.swift' "$path" || true)
done < <(grep '^path ' <<<"$description")
exit $found

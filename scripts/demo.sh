#!/usr/bin/env bash
# A drive in, a segmented drive out: demo/overlay.mp4 and demo/contact-sheet.png.
# VIDEO=path (or anything that FFmpeg opens) takes the place of the synthetic drive.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh
. scripts/swift-path.sh
segmentd=$(swift build -c "${CONFIGURATION:-release}" --show-bin-path)/segmentd
mkdir -p demo

video=${VIDEO:-}
if [ -z "$video" ]; then
    video=demo/drive.mp4
    echo "demo: rendering a synthetic drive into $video"
    rm -f "$video"
    "$segmentd" synthesize -o "$video" --seconds 10 --seed 7 --size 1280x720 </dev/null
fi

overlay=demo/overlay.mp4
sheet=demo/contact-sheet.png
rm -f "$overlay" "$sheet"
echo "demo: segmenting $video"
"$segmentd" segment "$video" -o "$overlay" --style overlay </dev/null

# Twelve frames, evenly spread.
count=$(ffprobe -v error -select_streams v:0 -count_packets -show_entries stream=nb_read_packets -of csv=p=0 "$overlay")
count=${count%%[!0-9]*}
every=$(((count + 11) / 12))
ffmpeg -nostdin -v error -y -i "$overlay" \
    -vf "select=not(mod(n\\,$every)),scale=480:-2,tile=4x3:padding=4:margin=4" -frames:v 1 "$sheet"

echo
echo "overlay:       $PWD/$overlay"
echo "contact sheet: $PWD/$sheet"

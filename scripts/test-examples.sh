#!/usr/bin/env bash
# Compiles the programs of examples/ without warnings and runs them on a real service: a synthetic camera, a camera
# that is away, and a service that starts late and restarts. SEGMENTD=PATH: the program, instead of the release build.
# PYTHON=PATH: a Python with numpy and OpenCV. Says "skipped" where a tool is missing, and fails there where CI is set.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    echo "examples: skipped: $1"
    [ -z "${CI:-}" ] || exit 1
    exit 0
}

python=${PYTHON:-python3}
for tool in make gcc g++ "$python"; do
    command -v "$tool" >/dev/null || skip "there is no $tool"
done
"$python" -c "import numpy, cv2" 2>/dev/null || skip "$python has no numpy or no cv2 (.ci/oracles.txt)"
if [ -z "${SEGMENTD:-}" ]; then
    # shellcheck source=scripts/swift-path.sh
    . scripts/swift-path.sh
    SEGMENTD=$(swift build -c release --show-bin-path)/segmentd
fi
if [ ! -x "$SEGMENTD" ]; then
    echo "examples: there is no $SEGMENTD: scripts/build.sh builds it" >&2
    exit 1
fi

folder=$(mktemp -d)
run=$folder/run
pids=()
clean_up() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$folder"
}
trap clean_up EXIT

checks=0
good=0
# check NAME COMMAND...: a check passes where the command ends with 0; what it prints is shown.
check() {
    local name=$1 output word=fail
    shift
    checks=$((checks + 1))
    if output=$("$@" 2>&1); then
        word=pass
        good=$((good + 1))
    fi
    echo "$word $name${output:+: $output}"
}
checks_py() { "$python" Tests/examples/checks.py "$@"; }
examples_py() { "$python" "examples/python/$1" "${@:2}"; }

# wait_for NAME TEST...: until the test holds, 20 s at most.
wait_for() {
    local name=$1 tries=0
    shift
    until "$@"; do
        tries=$((tries + 1))
        if [ "$tries" -ge 200 ]; then
            echo "examples: $name did not come within 20 s" >&2
            cat "$folder"/log* >&2 || true
            exit 1
        fi
        sleep 0.1
    done
}
has_lines() { [ "$(wc -l <"$1" 2>/dev/null || echo 0)" -ge "$2" ]; }

# start LOG: starts the service and, when its sockets are there, a recording of each.
start() {
    "$SEGMENTD" run --config "$folder/config.yaml" 2>"$folder/log$1" &
    service=$!
    pids+=("$service")
    wait_for "the socket front.mask" test -S "$run/front.mask"
    for camera in front away; do
        checks_py record "$run/$camera.mask" "$folder/$camera$1" &
        pids+=("$!")
    done
}
stop() {
    kill -TERM "$service"
    wait "$service" || echo "examples: the service ended with $?" >&2
}

cat >"$folder/config.yaml" <<CONFIG
size: 64x64
fit: letterbox
sockets: {directory: $run}
cameras:
  - {name: front, source: "synthetic:live=true,size=160x96"}
  - {name: away, source: "rtsp://127.0.0.1:9/nobody"}
CONFIG

flags="-O2 -Wall -Wextra -Wpedantic -Werror"
check "the C and C++ examples compile without a warning" make -s -C examples CC=gcc CXX=g++ BUILD="$folder/built" \
    CFLAGS="-std=c11 $flags" CXXFLAGS="-std=c++17 $flags"
c=$folder/built/mask_reader
cpp=$folder/built/nearest_row
if [ ! -x "$c" ] || [ ! -x "$cpp" ]; then
    echo "$good of $checks checks passed"
    exit 1
fi
check "the Python examples compile" "$python" -W error -m py_compile examples/python/*.py

for reader in "$c" "$cpp" "$python examples/python/read_mask.py"; do
    read -ra command <<<"$reader"
    class=()
    [ "$reader" != "$cpp" ] || class=(3)
    check "$(basename "$reader"): odd and broken streams" checks_py odd "$folder/odd" -- "${command[@]}" -n 4 \
        "$folder/odd" "${class[@]}"
done

# Readers that are there before the service, and go on over its restart. 60 frames are 2 s.
"$c" -n 60 "$run/front.mask" >"$folder/over.c" 2>"$folder/over.c.err" &
over_c=$!
examples_py read_mask.py -n 60 "$run/front.mask" >"$folder/over.py" 2>"$folder/over.py.err" &
over_py=$!
pids+=("$over_c" "$over_py")
wait_for "the reader's complaint" test -s "$folder/over.c.err"
wait_for "the Python reader's complaint" test -s "$folder/over.py.err"
start 1
wait_for "the first masks" has_lines "$folder/over.c" 20
wait_for "the first masks in Python" has_lines "$folder/over.py" 20
stop
start 2
wait_for "the C reader" has_lines "$folder/over.c" 60
wait_for "the Python reader" has_lines "$folder/over.py" 60
check "mask_reader: before the service, and over a restart" \
    checks_py compare "$folder/over.c" 60 "$folder/front1" "$folder/front2" --restarts 1
check "read_mask.py: before the service, and over a restart" \
    checks_py compare "$folder/over.py" 60 "$folder/front1" "$folder/front2" --restarts 1
check "mask_reader ends by itself" wait "$over_c"
check "read_mask.py ends by itself" wait "$over_py"

"$c" -n 30 "$run/front.mask" >"$folder/front.c" 2>/dev/null
"$cpp" -n 30 "$run/front.mask" 1 >"$folder/front.cpp"
examples_py read_mask.py -n 30 "$run/front.mask" >"$folder/front.py"
"$c" -n 5 "$run/away.mask" >"$folder/away.c" 2>/dev/null
"$cpp" -n 5 "$run/away.mask" 3 >"$folder/away.cpp"
examples_py read_mask.py -n 5 "$run/away.mask" >"$folder/away.py"
sleep 0.3 # the recordings get what the readers got
check "mask_reader: sequence, times and class shares" checks_py compare "$folder/front.c" 30 "$folder/front2"
check "nearest_row: the rows of Building" checks_py rows "$folder/front.cpp" 30 1 "$folder/front2"
check "read_mask.py: sequence, times and class shares" checks_py compare "$folder/front.py" 30 "$folder/front2"
for reader in c py; do
    check "invalid masks of a camera that is away ($reader)" checks_py compare "$folder/away.$reader" 5 "$folder/away2" \
        --views "invalid connecting"
done
check "invalid masks of a camera that is away (cpp)" checks_py rows "$folder/away.cpp" 5 3 "$folder/away2"

check "mask_reader ends on SIGINT" checks_py interrupt "$c" "$run/front.mask"
check "nearest_row ends on SIGINT" checks_py interrupt "$cpp" "$run/front.mask" 3
check "read_mask.py ends on SIGINT" checks_py interrupt "$python" examples/python/read_mask.py "$run/front.mask"

ctl() { "$SEGMENTD" ctl "$@" --socket "$run/control"; }
ctl labels --json >"$folder/labels.json"
names() { # what control.py prints has every name that segmentd ctl knows
    examples_py control.py "$run/control" labels >"$folder/labels.txt"
    "$python" - "$folder/labels.json" "$folder/labels.txt" <<'PYTHON'
import json, sys
wanted = [f"{l['id']:3} {l['color']} {l['name']}" for l in json.load(open(sys.argv[1]))]
sys.exit(open(sys.argv[2]).read().splitlines() != wanted)
PYTHON
}
check "control.py: labels" names
check "control.py: status" grep -q "^front: live, " <(examples_py control.py "$run/control" status)
ctl snapshot front --style picture -o "$folder/picture.png" >/dev/null
painted() {
    examples_py opencv_overlay.py --picture "$folder/picture.png" --opacity 1 -o "$folder/overlay.png" "$run" front \
        >/dev/null && sleep 0.3 && checks_py overlay "$folder/overlay.png" "$folder/labels.json" "$folder/front2"
}
check "opencv_overlay.py: the classes lie where the source has them" painted
blind() {
    ! examples_py opencv_overlay.py --picture "$folder/picture.png" -o "$folder/none.png" "$run" away >/dev/null &&
        [ ! -e "$folder/none.png" ]
}
check "opencv_overlay.py: refuses an invalid mask" blind
stop

echo "$good of $checks checks passed"
[ "$good" -eq "$checks" ]

#!/usr/bin/env python3
"""Holds what the example programs print against masks that this file reads by itself: scripts/test-examples.sh.

Each verb exits with 0 where the check passes, and says on standard output what it saw.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

CAUSES = ["", "connecting", "no_signal", "refused_frames", "too_old", "overload"]
LINE = re.compile(
    r"(?P<sequence>\d+) (?P<seconds>\d+)\.(?P<rest>\d{9}) latency \d+\.\d{3} ms dropped (?P<dropped>\d+) (?P<view>.+)"
)


@dataclass
class Recorded:
    """A frame of a recording."""

    sequence: int
    captured: int
    flags: int
    ids: NDArray[np.uint8]

    @property
    def view(self) -> str:
        """What an example prints of it."""
        if self.flags % 2 == 1:
            return f"invalid {CAUSES[self.flags // 2 % 8]}"
        values, counts = np.unique(self.ids, return_counts=True)
        return "classes " + " ".join(f"{v}:{c / self.ids.size:.4f}" for v, c in zip(values, counts))

    def nearest(self, class_id: int) -> str:
        """What nearest_row prints of it."""
        if self.flags % 2 == 1:
            return f"invalid {CAUSES[self.flags // 2 % 8]}"
        wanted = max(1, self.ids.shape[1] // 64)
        rows = np.flatnonzero((self.ids == class_id).sum(axis=1) >= wanted)
        return f"row {rows[-1]} of {self.ids.shape[0]}" if rows.size else "none"


def record(path: str, output: Path) -> int:
    """Writes all bytes of a socket to a file until the service closes it."""
    with socket.socket(socket.AF_UNIX) as connection, output.open("wb", buffering=0) as file:
        connection.connect(path)
        while data := connection.recv(1 << 20):
            file.write(data)
    return 0


def frames_of(files: list[Path]) -> list[Recorded]:
    """The whole frames of recordings."""
    frames: list[Recorded] = []
    for file in files:
        head, _, data = file.read_bytes().partition(b"\n")
        found = re.search(rb" W(\d+) H(\d+) ", head)
        assert found, head
        width, height = int(found[1]), int(found[2])
        size = width * height
        while True:
            line, _, data = data.partition(b"\n")
            facts = re.fullmatch(rb"FRAME XS=(\d+) XT=(\d+) XL=\d+ XD=\d+ XF=([0-9a-f]+)", line)
            if not facts or len(data) < size:
                break
            ids = np.frombuffer(data[:size], np.uint8).reshape(height, width)
            frames.append(Recorded(int(facts[1]), int(facts[2]), int(facts[3], 16), ids))
            data = data[size:]
    return frames


def result(problems: list[str], good: str) -> int:
    """The exit status; prints the first problems, or what was good."""
    print("; ".join(problems[:3]) if problems else good)
    return 1 if problems else 0


def compare(output: Path, count: int, views: str, restarts: int, recordings: list[Path]) -> int:
    """Lines of mask_reader or read_mask.py against recordings of the same socket."""
    truth = {frame.captured: frame for frame in frames_of(recordings)}
    lines = output.read_text().splitlines()
    problems = [] if len(lines) == count else [f"{len(lines)} lines, not {count}"]
    found, expected, seen, falls, last = 0, 0, set[str](), 0, None
    for line in lines:
        match = LINE.fullmatch(line)
        if not match:
            return result([f"a line that nobody expects: {line!r}"], "")
        sequence, captured = int(match["sequence"]), int(match["seconds"] + match["rest"])
        if last is not None and sequence <= last:
            falls += 1
        elif last is not None and sequence != last + int(match["dropped"]) + 1:
            problems.append(f"{match['dropped']} dropped between {last} and {sequence}")
        last = sequence
        seen.add(match["view"])
        expected += match["view"].startswith(views)
        if frame := truth.get(captured):
            found += 1
            if (frame.sequence, frame.view) != (sequence, match["view"]):
                problems.append(f"{line!r}, but the recording has {frame.sequence} {frame.view}")
    if 2 * found < count:
        problems.append(f"only {found} of {count} lines are in the recording")
    if falls != restarts:
        problems.append(f"the sequence began again {falls} times, not {restarts}")
    # A service that starts, or a busy machine, sends an invalid mask now and then: it is held against the recording, too.
    if 2 * expected < count:
        problems.append(f"only {expected} of {count} lines say {views!r}: {sorted(seen)[:3]}")
    if views == "classes" and count >= 60 and len(seen) < 2:
        problems.append("all masks are the same: nothing was compared")
    return result(problems, f"{count} lines, {found} of them held against the recording")


def rows(output: Path, count: int, class_id: int, recording: Path) -> int:
    """Lines of nearest_row against a recording."""
    truth = {frame.sequence: frame for frame in frames_of([recording])}
    lines = output.read_text().splitlines()
    problems = [] if len(lines) == count else [f"{len(lines)} lines, not {count}"]
    found = 0
    for line in lines:
        sequence, _, text = line.partition(" ")
        if frame := truth.get(int(sequence)):
            found += 1
            if text != frame.nearest(class_id):
                problems.append(f"{line!r}, but the recording has {frame.nearest(class_id)!r}")
    if 2 * found < count:
        problems.append(f"only {found} of {count} lines are in the recording")
    if all(line.endswith(" none") for line in lines):
        problems.append("no frame has the class: nothing was compared")
    return result(problems, f"{count} lines, {found} of them held against the recording")


def overlay(picture: Path, labels: Path, source: tuple[int, int], recording: Path) -> int:
    """An overlay of opacity 1 of a letterboxed camera: must be one of the recorded masks, each pixel in its place."""
    image = cv2.imread(str(picture), cv2.IMREAD_COLOR)
    height, width = source
    if image is None or image.shape != (height, width, 3):
        return result([f"{picture} has no picture of {width}x{height}"], "")
    colors = np.zeros((256, 3), np.uint8)
    for label in json.loads(labels.read_text()):
        red, green, blue = bytes.fromhex(label["color"][1:])
        colors[label["id"]] = (blue, green, red)
    for frame in frames_of([recording]):
        side = frame.ids.shape[0]  # a square mask and a source wider than high: bars above and below
        inner = round(side * height / width)
        top = (side - inner) // 2
        wanted = np.array(
            [[frame.ids[top + (2 * y + 1) * inner // (2 * height), (2 * x + 1) * side // (2 * width)] for x in range(width)]
             for y in range(0, height, 7)])
        if (colors[wanted] == image[::7]).all():
            return result([], f"the mask of frame {frame.sequence}, each pixel in its place")
    return result(["this is no mask that the camera sent"], "")


def interrupt(command: list[str]) -> int:
    """Whether a reader ends with status 0 within 5 s of SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell starts background jobs with it ignored
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        for _ in range(3):
            process.stdout.readline()
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
        status = process.wait()
    return result([] if status == 0 else [f"status {status}"], f"status 0 after {time.monotonic() - began:.1f} s")


ODD: list[list[bytes]] = [
    # Tags in another order, unknown tags, a byte at a time; then a frame that is cut off.
    [bytes([b]) for b in b"YUV4MPEG2 XFOO=1 Cmono H3 A1:1 W5 Z9\n"
     b"FRAME Iq XF=0 XZ=77 XD=2 XS=7 XL=1500 XT=1000000001\n" b"\3\3\3\3\3" b"\3\3\3\3\3" b"\1\1\1\1\1"
     b"FRAME XS=8 XT=5 XL=0 XD=0 XF=0\n\3\3"],
    # Another size. A frame without XF is not valid; 1b is overload, with an estimated time.
    [b"YUV4MPEG2 W2 H2 F30:1 Ip A1:1 Cmono\nFRAME XS=8 XT=5\n", b"\3\3\3\3FRAME XF=1b XS=10\n\377\377\377", b"\377"],
    [b"HELLO\n"],
    [b"YUV4MPEG2 W2 H999999999999999999999 Cmono\n"],
    [b"YUV4MPEG2 W2 H1 C444\nFRAME\n\0\0\0\0\0\0"],
    [b"YUV4MPEG2 W2 H1 Cmono\nFRAME XS=nine\n\0\0"],
    [b"YUV4MPEG2 " + b"X" * 5000],
    [b"YUV4MPEG2 W2 H1 Cmono\nFRAME XS=9 XT=2000000000 XL=0 XD=0 XF=10\n\3\1"],
]
ODD_LINES = [
    "7 1.000000001 latency 1.500 ms dropped 2 classes 1:0.3333 3:0.6667",
    "8 0.000000005 latency 0.000 ms dropped 0 invalid unknown",
    "10 0.000000000 latency 0.000 ms dropped 0 invalid overload",
    "9 2.000000000 latency 0.000 ms dropped 0 classes 1:0.5000 3:0.5000",
]
ODD_ROWS = ["7 row 1 of 3", "8 invalid unknown", "10 invalid overload", "9 row 0 of 1"]


def odd(path: str, command: list[str]) -> int:
    """A server that sends strange streams, broken ones too: `command` must read all that can be read."""
    Path(path).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(20)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            try:
                for pieces in ODD:
                    with listener.accept()[0] as connection:
                        for piece in pieces:
                            connection.sendall(piece)
                            time.sleep(0.002)
            except (OSError, TimeoutError) as error:
                print(f"{error}; ", end="")
            try:
                lines = process.communicate(timeout=20)[0].splitlines()
            except subprocess.TimeoutExpired:
                process.kill()
                lines = ["it does not end"]
    wanted = ODD_ROWS if "nearest_row" in command[0] else ODD_LINES
    return result([] if lines == wanted else [f"{lines}"], f"{len(lines)} frames of {len(ODD)} streams")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("record")
    verb.add_argument("socket")
    verb.add_argument("output", type=Path)
    verb = verbs.add_parser("compare")
    verb.add_argument("output", type=Path)
    verb.add_argument("count", type=int)
    verb.add_argument("recordings", type=Path, nargs="+")
    verb.add_argument("--views", default="classes")
    verb.add_argument("--restarts", type=int, default=0)
    verb = verbs.add_parser("rows")
    verb.add_argument("output", type=Path)
    verb.add_argument("count", type=int)
    verb.add_argument("class_id", type=int)
    verb.add_argument("recording", type=Path)
    verb = verbs.add_parser("overlay")
    verb.add_argument("picture", type=Path)
    verb.add_argument("labels", type=Path)
    verb.add_argument("recording", type=Path)
    verb = verbs.add_parser("interrupt")
    verb.add_argument("command", nargs="+")
    verb = verbs.add_parser("odd")
    verb.add_argument("socket")
    verb.add_argument("command", nargs="+")
    a = parser.parse_args()
    match a.verb:
        case "record": return record(a.socket, a.output)
        case "compare": return compare(a.output, a.count, a.views, a.restarts, a.recordings)
        case "rows": return rows(a.output, a.count, a.class_id, a.recording)
        case "overlay": return overlay(a.picture, a.labels, (96, 160), a.recording)
        case "interrupt": return interrupt(a.command)
        case _: return odd(a.socket, a.command)


if __name__ == "__main__":
    sys.exit(main())

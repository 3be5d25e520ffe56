"""Real consumers on a real daemon: numpy, ffmpeg, OpenCV and GStreamer read one camera's sockets at once while a fifth
client is stopped with SIGSTOP. Every mask they get must be one that `segmentd segment` makes of the same clip, and the
numpy client's sequence number must name the very frame. Exit status 0 if all holds.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from tracing import ROOT, shared


def y4m_frames(data: bytes, planes: int):
    """Each frame's header line and pixels."""
    head, _, rest = data.partition(b"\n")
    tags = {t[:1]: t[1:] for t in head.decode().split()[1:]}
    size = int(tags["W"]) * int(tags["H"]) * planes
    while rest.startswith(b"FRAME"):
        line, _, rest = rest.partition(b"\n")
        yield line, rest[:size]
        rest = rest[size:]


def digest(pixels: bytes) -> str:
    return hashlib.blake2b(pixels, digest_size=12).hexdigest()


def expected(segmentd: Path, clip: Path, style: str, planes: int) -> list[str]:
    command = [segmentd, "segment", clip, "-o", "-", "--style", style, "--resolution", "mask"]
    data = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return [digest(pixels) for _, pixels in y4m_frames(data, planes)]


def wait_for(path: Path) -> None:
    until = time.monotonic() + 30
    while not path.exists():
        if time.monotonic() > until:
            raise SystemExit(f"the daemon did not open {path}")
        time.sleep(0.05)


NUMPY = """
import socket, sys, time, numpy as np, hashlib
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); f = s.makefile("rb")
head = {t[0]: t[1:] for t in f.readline().decode().split()[1:]}; w, h = int(head["W"]), int(head["H"])
for _ in range(int(sys.argv[2])):
    line = f.readline()
    facts = dict(t[1:].split("=") for t in line.decode().split()[1:])
    mask = np.frombuffer(f.read(w * h), np.uint8).reshape(h, w)
    age = time.time_ns() - int(facts["T"])
    print(facts["S"], facts["L"], facts["D"], age // 1000, hashlib.blake2b(mask.tobytes(), digest_size=12).hexdigest())
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segmentd", type=Path, default=ROOT / ".build/release/segmentd")
    parser.add_argument("--clip", type=Path, help="default: the shared CamVid clip")
    parser.add_argument("--frames", type=int, default=40)
    arguments = parser.parse_args()
    clip = arguments.clip or shared("clips") / "derived_camvid_0016E5_15hz.mp4"

    ids = expected(arguments.segmentd, clip, "ids", 1)
    colors = expected(arguments.segmentd, clip, "mask", 3)
    print(f"{clip.name}: {len(ids)} frames, {len(set(ids))} different masks")
    failures = 0

    def report(name: str, good: int, count: int, note: str = "") -> None:
        nonlocal failures
        failures += good != count or count == 0
        print(f"  {name:<10} {count:4} masks, {good:4} right  {note}")

    with tempfile.TemporaryDirectory(prefix="segmentd-consumers-") as folder:
        run = Path(folder, "run")
        config = Path(folder, "config.yaml")
        config.write_text(
            f"sockets:\n  directory: {run}\n  client_timeout_ms: 600000\n"
            f"cameras:\n  - name: front\n    source: \"{clip}\"\n    loop: true\n"
        )
        daemon = subprocess.Popen([arguments.segmentd, "run", "--config", config], stderr=subprocess.PIPE, text=True)
        try:
            mask, color = run / "front.mask", run / "front.color"
            wait_for(mask)
            wait_for(color)
            stopped = subprocess.Popen([sys.executable, "-c", NUMPY, mask, "1000000"], stdout=subprocess.DEVNULL)
            time.sleep(2)
            stopped.send_signal(signal.SIGSTOP)

            count = str(arguments.frames)
            raw, y4m = Path(folder, "ffmpeg.raw"), Path(folder, "gst.y4m")
            clients = {
                "numpy": subprocess.Popen([sys.executable, "-c", NUMPY, mask, count], stdout=subprocess.PIPE, text=True),
                "ffmpeg": subprocess.Popen(
                    ["ffmpeg", "-nostdin", "-v", "error", "-i", f"unix:{mask}", "-frames:v", count,
                     "-f", "rawvideo", "-pix_fmt", "gray", str(raw)]),
            }
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(color))
            clients["gstreamer"] = subprocess.Popen(
                ["gst-launch-1.0", "-q", "fdsrc", f"fd={connection.fileno()}", "!", "y4mdec", "!", "identity",
                 f"eos-after={arguments.frames + 1}", "!", "filesink", f"location={y4m}"],
                pass_fds=[connection.fileno()])
            connection.close()
            video = cv2.VideoCapture(f"unix:{mask}", cv2.CAP_FFMPEG)
            seen = []
            while len(seen) < arguments.frames:
                ok, picture = video.read()
                if not ok:
                    break
                seen.append(digest(np.ascontiguousarray(picture[:, :, 0]).tobytes()))
            report("OpenCV", sum(d in set(ids) for d in seen), len(seen))

            lines = [line.split() for line in clients["numpy"].communicate(timeout=300)[0].splitlines()]
            right = sum(ids[int(sequence) % len(ids)] == found for sequence, _, _, _, found in lines)
            latency = sorted(int(line[1]) for line in lines)
            sequences = [int(line[0]) for line in lines]
            rising = all(a < b for a, b in zip(sequences, sequences[1:]))
            report("numpy", right if rising else 0, len(lines),
                   f"each the mask of its own sequence number; latency p50 {latency[len(latency) // 2] / 1000:.1f} ms, "
                   f"max {latency[-1] / 1000:.1f} ms; dropped for this client {sum(int(line[2]) for line in lines)}")
            clients["ffmpeg"].wait(timeout=300)
            size = 768 * 1024
            data = raw.read_bytes()
            found = [digest(data[i : i + size]) for i in range(0, len(data), size)]
            report("ffmpeg", sum(d in set(ids) for d in found), len(found))
            clients["gstreamer"].wait(timeout=300)
            data = y4m.read_bytes()
            frame = 3 * size
            found = [digest(data[i : i + frame]) for i in range(0, len(data) - frame + 1, frame)]
            report("GStreamer", sum(d in set(colors) for d in found), len(found), "colours")
            stopped.send_signal(signal.SIGCONT)
            stopped.kill()
            video.release()
        finally:
            daemon.send_signal(signal.SIGTERM)
            log = daemon.communicate(timeout=60)[1]
        print(f"  daemon: exit {daemon.returncode} on SIGTERM; sockets left: {[p for p in os.listdir(run) if not p.endswith('.lock')] if run.exists() else []}")
        failures += daemon.returncode != 0
        if failures:
            print(log, file=sys.stderr)
    print("FAIL" if failures else "PASS")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

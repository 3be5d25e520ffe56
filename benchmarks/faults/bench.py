"""What all measurements of this folder have in common: the machine's means, segmentd, the streams and their masks."""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path("/usr/bin/python3")


def missing() -> str | None:
    """What this machine lacks, or None."""
    for program in ("ffmpeg", "ffprobe"):
        if shutil.which(program) is None:
            return f"there is no {program}"
    check = ("import gi, numpy; gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0')\n"
             "from gi.repository import Gst, GstRtspServer; Gst.init(None)\n"
             "assert Gst.ElementFactory.find('rtph264pay') and Gst.ElementFactory.find('appsrc')")
    try:
        done = subprocess.run([str(PYTHON), "-c", check], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode != 0:
        return ("no GStreamer RTSP server for Python (apt-get install python3-gi python3-numpy "
                "gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad)")
    return None


def begin(parser: argparse.ArgumentParser, size: str) -> argparse.Namespace:
    """Reads the command line; ends with a message where this machine cannot do it, and goes on in Debian's Python."""
    parser.add_argument("--segmentd", type=Path, default=ROOT / ".build/release/segmentd")
    parser.add_argument("--size", default=size, help=f"the network's input, HEIGHTxWIDTH ({size})")
    parser.add_argument("--json", type=Path, help="write the results here too")
    parser.add_argument("--keep", action="store_true", help="keep the folders of logs")
    arguments = parser.parse_args()
    if lacking := missing():
        print(f"{Path(sys.argv[0]).stem}: skipped: {lacking}")
        # A run of CI that checks nothing must not be green.
        sys.exit(1 if os.environ.get("CI") else 0)
    if not arguments.segmentd.exists():
        sys.exit(f"there is no {arguments.segmentd}: run `make build` first")
    if Path(sys.executable).resolve() != PYTHON.resolve():
        os.execv(PYTHON, [str(PYTHON), *sys.argv])
    return arguments


class Bench:
    """`rate` frames a second from each camera, a key frame a second."""

    max_age_ms = 500
    recording_settings = {"style": "mask"}

    def __init__(self, arguments: argparse.Namespace, rate: int = 15, names: tuple[str, ...] | None = None):
        from streams import STREAMS, prepare

        self.segmentd = arguments.segmentd.resolve()
        self.size = arguments.size
        height, width = map(int, self.size.split("x"))
        self.pixels = height * width
        self.rate = self.key_interval = rate
        self.keeps = arguments.keep
        # A password that nothing else contains by chance.
        self.canary = "Canary" + secrets.token_hex(8)
        # The manual of this segmentd tells which keys there are.
        manual = (ROOT / "config.yaml").read_text().splitlines()
        self.known_keys = {line.strip(" -#").split(":")[0] for line in manual if ":" in line}
        self.streams = prepare(self.segmentd, ROOT / ".build/faults", rate, self.size, self.key_interval,
                               names or tuple(STREAMS))

"""The pictures of the bench: a synthetic drive, encoded in several ways, and the masks that segmentd makes of each
frame when nothing goes wrong. A mask that arrives is told by comparing it with these.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

# 4-byte start code and an access unit delimiter; emulation prevention keeps it out of anything else.
DELIMITER = {"h264": re.compile(rb"\x00\x00\x00\x01\x09"), "hevc": re.compile(rb"\x00\x00\x00\x01\x46\x01")}
PARAMETERS = {"h264": re.compile(rb"\x00\x00\x01[\x27\x47\x67]"), "hevc": re.compile(rb"\x00\x00\x01\x42\x01")}

# height, width, encoder. All show the same drive, so their masks of a frame are alike, but not the same.
STREAMS = {
    "h264": (256, 320, ["-c:v", "libx264", "-x264-params", "aud=1:repeat-headers=1:scenecut=0"]),
    "larger": (384, 480, ["-c:v", "libx264", "-x264-params", "aud=1:repeat-headers=1:scenecut=0"]),
    "hevc": (256, 320, ["-c:v", "libx265", "-x265-params", "aud=1:repeat-headers=1:scenecut=0:open-gop=0:log-level=none"]),
}
SECONDS = 12


def codec_of(path: Path) -> str:
    return "hevc" if path.suffix == ".hevc" else "h264"


def access_units(path: Path) -> list[tuple[bytes, bool]]:
    """Each frame's bytes, and whether it is a key frame (one that brings its parameter sets)."""
    data, codec = path.read_bytes(), codec_of(path)
    starts = [match.start() for match in DELIMITER[codec].finditer(data)]
    units = [data[a:b] for a, b in zip(starts, starts[1:] + [len(data)])]
    return [(unit, PARAMETERS[codec].search(unit) is not None) for unit in units]


def prepare(segmentd: Path, folder: Path, rate: int, size: str, key_interval: int,
            names: tuple[str, ...]) -> dict[str, tuple[Path, Path]]:
    """For each stream of `names` its file and the Y4M file of its clean masks, made where they are not there yet.

    `size` is the network's, HEIGHTxWIDTH; `rate` frames a second; a key frame every `key_interval` frames.
    """
    folder.mkdir(parents=True, exist_ok=True)
    binary = segmentd.stat()
    recipe = json.dumps([STREAMS, SECONDS, rate, size, key_interval, binary.st_mtime_ns, binary.st_size])
    stamp = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    drive = folder / f"drive-{rate}-{SECONDS}.mp4"
    if not drive.exists():
        new = drive.with_suffix(".new.mp4")
        run([segmentd, "synthesize", "-o", new, "--seconds", str(SECONDS), "--seed", "7", "--size", "480x384",
             "--rate", str(rate)])
        new.rename(drive)
    result = {}
    for name in names:
        height, width, encoder = STREAMS[name]
        stream = folder / f"{name}-{rate}-{key_interval}.{'hevc' if name == 'hevc' else 'h264'}"
        if not stream.exists():
            new = stream.with_suffix(f".new{stream.suffix}")
            run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", drive, "-vf", f"scale={width}:{height}", *encoder,
                 "-preset", "veryfast", "-b:v", "800k", "-bf", "0", "-g", str(key_interval),
                 "-keyint_min", str(key_interval), "-an", new])
            new.rename(stream)
        masks = folder / f"{name}-{stamp}.y4m"
        if not masks.exists():
            new = masks.with_suffix(".new")
            with new.open("wb") as file:
                run([segmentd, "segment", stream, "-o", "-", "--style", "ids", "--resolution", "mask",
                     "--size", size], stdout=file)
            new.rename(masks)
        frames = len(access_units(stream))
        if frames != rate * SECONDS:
            raise SystemExit(f"faults: {stream} has {frames} access units, not {rate * SECONDS}")
        result[name] = (stream, masks)
    return result


def run(command: list, **options) -> None:
    options.setdefault("stdout", subprocess.DEVNULL)
    done = subprocess.run([str(word) for word in command], stderr=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"faults: {command[0]} {command[1]} failed: {done.stderr.strip()[-400:]}")

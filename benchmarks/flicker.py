"""How restless masks are: on each clip, the share of pixels whose class differs from the frame before, and of those that
blink, that is, have one class for a single frame between two frames of another. Movement changes pixels, only doubt blinks.

    python benchmarks/flicker.py [--model M.safetensors] [CLIP …]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tracing import ROOT, shared


def masks(segmentd: Path, clip: Path, model: Path | None, frames: int) -> Iterator[np.ndarray]:
    """The class maps of a clip's first frames, one after the other."""
    command = [str(segmentd), "segment", str(clip), "-o", "-", "--style", "ids", "--resolution", "mask",
               "--limit", str(frames)]
    if model is not None:
        command += ["--model", str(model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        words = {word[:1]: word[1:] for word in process.stdout.readline().decode().split()[1:]}
        width, height = int(words["W"]), int(words["H"])
        while process.stdout.readline():
            yield np.frombuffer(process.stdout.read(width * height), np.uint8).reshape(height, width)
        said = process.stderr.read().decode()
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\nended with {process.returncode}: {said.strip()}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="*", help="default: ../shared/clips/*.mp4")
    parser.add_argument("--segmentd", type=Path, default=ROOT / ".build/release/segmentd")
    parser.add_argument("--model", type=Path, help="default: the one inside")
    parser.add_argument("--frames", type=int, default=100, help="of each clip at most")
    arguments = parser.parse_args()
    clips = arguments.clips or sorted(shared("clips").glob("*.mp4"))
    print(f"{'clip':<36} {'frames':>6} {'changed, %':>11} {'blinks, %':>10} {'worst frame, %':>15}")
    for clip in clips:
        changed: list[float] = []
        blinks: list[float] = []
        before = last = None
        for mask in masks(arguments.segmentd, clip, arguments.model, arguments.frames):
            if last is not None:
                changed.append(float((mask != last).mean()))
            if before is not None:
                blinks.append(float(((before == mask) & (last != mask)).mean()))
            before, last = last, mask
        if not blinks:
            print(f"{clip.name:<36} {len(changed) + 1:>6}: too short")
            continue
        print(f"{clip.name:<36} {len(changed) + 1:>6} {100 * np.mean(changed):>11.2f} {100 * np.mean(blinks):>10.2f} "
              f"{100 * max(blinks):>15.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

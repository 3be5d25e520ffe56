"""The daemon's engine against ONNX Runtime, on frames of real clips.

Takes frames spread over the clips, gives both engines the same float32 input tensor, and counts the pixels to
which both give the same class. Exit status 0 if they agree on at least the wanted share.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tracing import ROOT, shared, trace


def frame_count(clip: Path) -> int:
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-count_packets", "-show_entries",
               "stream=nb_read_packets", "-of", "csv=p=0", str(clip)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().rstrip(","))


def frames(clip: Path, wanted: list[int], height: int, width: int) -> Iterator[tuple[int, np.ndarray]]:
    """The wanted frames, by number, as (height, width, 3) RGB bytes."""
    pick = "+".join(f"eq(n,{i})" for i in wanted).replace(",", "\\,")
    command = ["ffmpeg", "-v", "error", "-i", str(clip), "-vf", f"select={pick},scale={width}:{height}",
               "-vsync", "0", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    data = subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout
    pictures = np.frombuffer(data, np.uint8).reshape(-1, height, width, 3)
    if len(pictures) != len(wanted):
        raise SystemExit(f"{clip.name}: asked for {len(wanted)} frames, ffmpeg gave {len(pictures)}")
    yield from zip(wanted, pictures)


def normalise(picture: np.ndarray, model: Path) -> np.ndarray:
    """(H, W, 3) bytes to the network's (1, 3, H, W), by the mean and std that the model file states."""
    with safe_open(model, framework="numpy") as file:
        metadata = file.metadata()
    mean, std = (np.array(json.loads(metadata[key]), np.float32) for key in ("mean", "std"))
    return np.ascontiguousarray(((picture.astype(np.float32) / 255 - mean) / std).transpose(2, 0, 1)[None])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segmentd", type=Path, default=ROOT / ".build/release/segmentd")
    parser.add_argument("--clips", type=Path, help="a folder of mp4 files; default: ../shared/clips")
    parser.add_argument("--onnx", type=Path, help="default: ../shared/models/street11.onnx")
    parser.add_argument("--model", type=Path, help="the same weights as a model file; default: beside the ONNX file, .safetensors")
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--share", type=float, default=0.9995, help="of pixels that must agree")
    arguments = parser.parse_args()
    clips = sorted((arguments.clips or shared("clips")).glob("*.mp4"))
    if not clips:
        raise SystemExit("no mp4 files among the clips")
    onnx = arguments.onnx or shared("models") / "street11.onnx"
    model = arguments.model or onnx.with_suffix(".safetensors")
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    _, _, height, width = session.get_inputs()[0].shape

    equal_total = pixels_total = count_total = 0
    worst_total = 0.0
    print(f"{'clip':<36} {'frames':>6} {'equal pixels':>13} {'least in a frame':>17} {'max|d logits|/max|logits|':>26}")
    with tempfile.TemporaryDirectory(prefix="segmentd-oracle-") as folder:
        image, output = Path(folder, "image.safetensors"), Path(folder, "trace.safetensors")
        for i, clip in enumerate(clips):
            share = arguments.frames // len(clips) + (i < arguments.frames % len(clips))
            if share == 0:
                continue
            wanted = sorted({int(n) for n in np.linspace(0, frame_count(clip) - 1, share)})
            equal, least, worst = 0, 1.0, 0.0
            for _, picture in frames(clip, wanted, height, width):
                tensor = normalise(picture, model)
                save_file({"image": tensor}, image)
                # One at a time: with the class map alone the engine runs the plan that it runs in the daemon.
                found: dict[str, np.ndarray] = {}
                for block in ("classes", "logits"):
                    trace(arguments.segmentd, image, output, model=model, at=(block,))
                    found |= load_file(output)
                (reference,) = session.run(["logits"], {"image": tensor})
                same = int((found["classes"] == reference.argmax(1)).sum())
                equal += same
                least = min(least, same / (height * width))
                worst = max(worst, float(np.abs(found["logits"] - reference).max() / np.abs(reference).max()))
            pixels = len(wanted) * height * width
            print(f"{clip.name:<36} {len(wanted):>6} {equal / pixels:>13.5%} {least:>17.5%} {worst:>26.2e}")
            equal_total, pixels_total = equal_total + equal, pixels_total + pixels
            count_total, worst_total = count_total + len(wanted), max(worst_total, worst)
    agreed = equal_total / pixels_total
    print(f"{'total':<36} {count_total:>6} {agreed:>13.5%} {'':>17} {worst_total:>26.2e}")
    print(f"{'PASS' if agreed >= arguments.share else 'FAIL'}: {agreed:.5%} of pixels, wanted {arguments.share:.2%}")
    return 0 if agreed >= arguments.share else 1


if __name__ == "__main__":
    sys.exit(main())

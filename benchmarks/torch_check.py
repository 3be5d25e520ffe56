"""The daemon's engine against PyTorch, on real pictures: logits of a model file of any configuration.

Runs `training/`'s network (its plain forward, in float32) and `segmentd trace` on the same input tensors. Exit status 0 if
the largest difference is at most --tolerance of the largest logit, in every picture and model.

    python benchmarks/torch_check.py MODEL.safetensors … --pictures DIR
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from tracing import ROOT, shared, trace

sys.path.insert(0, str(ROOT / "training"))

from segmentd_training.evaluate import INPUT, normalised, parse_size  # noqa: E402
from segmentd_training.golden import name_of  # noqa: E402
from segmentd_training.pictures import PICTURE_SUFFIXES, read_picture  # noqa: E402
from segmentd_training.safetensors_io import load_model  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--segmentd", type=Path, default=ROOT / ".build/release/segmentd")
    parser.add_argument("--pictures", type=Path, help="a folder; default: ../shared/labelled/camvid/val")
    parser.add_argument("--count", type=int, default=4, help="how many, spread over the folder")
    parser.add_argument("--size", type=parse_size, default=INPUT, metavar="HEIGHTxWIDTH")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    arguments = parser.parse_args()
    height, width = arguments.size
    folder = arguments.pictures or shared("labelled") / "camvid/val"
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)
    if not paths:
        raise SystemExit(f"no pictures in {folder}")
    chosen = [paths[i] for i in sorted({int(i) for i in np.linspace(0, len(paths) - 1, arguments.count)})]

    worst_total = 0.0
    print(f"{'model':<40} {'configuration':<14} {'pictures':>8} {'equal classes':>14} {'max|d logits|/max|logits|':>26}")
    with tempfile.TemporaryDirectory(prefix="segmentd-torch-") as temporary:
        image, output = Path(temporary, "image.safetensors"), Path(temporary, "trace.safetensors")
        for path in arguments.models:
            network, card = load_model(path)
            worst, equal = 0.0, 0
            for picture in chosen:
                tensor = normalised(read_picture(picture), arguments.size, card.mean, card.std)
                save_file({"image": np.ascontiguousarray(tensor.numpy())}, image)
                trace(arguments.segmentd, image, output, model=path, at=("logits",))
                found = load_file(output)["logits"]
                with torch.inference_mode():
                    expected = network(tensor).numpy()
                worst = max(worst, float(np.abs(found - expected).max() / np.abs(expected).max()))
                equal += int((found.argmax(1) == expected.argmax(1)).sum())
            share = equal / (len(chosen) * height * width)
            print(f"{'/'.join(path.parts[-2:]):<40} {name_of(network.configuration):<14} {len(chosen):>8} {share:>14.5%} {worst:>26.2e}",
                  flush=True)
            worst_total = max(worst_total, worst)
    passed = worst_total <= arguments.tolerance
    print(f"{'PASS' if passed else 'FAIL'}: {worst_total:.2e} at most, allowed {arguments.tolerance:.0e}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())

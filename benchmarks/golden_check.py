"""Every block of `segmentd trace` against activations that PyTorch wrote: ../shared/golden, or a folder like it.

For each NAME.model.safetensors it traces the `image` of NAME.activations.safetensors and prints, block by block,
the largest difference over the largest magnitude of the reference. Exit status 0 if all are within the limit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from tracing import ROOT, shared, trace


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segmentd", type=Path, default=ROOT / ".build/release/segmentd")
    parser.add_argument("--golden", type=Path, help="default: ../shared/golden")
    parser.add_argument("--limit", type=float, default=1e-4)
    arguments = parser.parse_args()
    golden = arguments.golden or shared("golden")

    models = sorted(golden.glob("*.model.safetensors"))
    if not models:
        raise SystemExit(f"no *.model.safetensors in {golden}")
    failures = 0
    with tempfile.TemporaryDirectory(prefix="segmentd-golden-") as folder:
        for model in models:
            name = model.name.removesuffix(".model.safetensors")
            expected = load_file(golden / f"{name}.activations.safetensors")
            image, output = Path(folder, "image.safetensors"), Path(folder, "trace.safetensors")
            picture = expected.pop("image")
            save_file({"image": picture}, image)
            trace(arguments.segmentd, image, output, model=model)
            found = load_file(output)
            print(f"{name}  image {picture.shape}")
            for block, reference in expected.items():
                failures += not report(block, found.get(block), reference, arguments.limit)
    print(f"{'PASS' if failures == 0 else 'FAIL'}: {failures} blocks past {arguments.limit:g} in {len(models)} models")
    return 0 if failures == 0 else 1


def report(block: str, found: np.ndarray | None, reference: np.ndarray, limit: float) -> bool:
    """Prints a block's line; true if it is there, of the same shape, and within the limit."""
    if found is None or found.shape != reference.shape:
        what = "missing" if found is None else f"shape {found.shape}"
        print(f"  {block:<11} {what}, expected shape {reference.shape}  FAIL")
        return False
    error = float(np.abs(found - reference).max() / np.abs(reference).max())
    good = error <= limit  # false for NaN too
    print(f"  {block:<11} {str(reference.shape):<20} {error:.2e}  {'ok' if good else 'FAIL'}")
    return good


if __name__ == "__main__":
    sys.exit(main())

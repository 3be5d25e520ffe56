"""The outputs of every engine against ONNX Runtime's on the exported network: compare.py --check calls it."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from tracing import trace  # noqa: E402

TOLERANCE = 1e-4


class PeerFailed(Exception):
    """An engine ended with an error: its last line."""


def peer_output(engine: str, network: str, folder: Path, threads: int, scratch: Path) -> np.ndarray:
    model = folder / f"{network}.{'ncnn.param' if engine == 'ncnn' else 'onnx'}"
    output = scratch / "output.npy"
    command = [sys.executable, FOLDER / "turn.py", engine, model, folder / "input.npy", "--threads", threads,
               "--warmup", 0, "--frames", 1, "--output", output]
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or ["it says nothing"]
        raise PeerFailed(f"ended with {result.returncode}: {lines[-1]}")
    return np.load(output)


def segmentd_outputs(network: str, folder: Path, segmentd: Path, scratch: Path) -> dict[str, np.ndarray]:
    """The blocks of segmentd that answer to the network's output, one run each: with the class map alone it runs the
    plan that it runs in the daemon."""
    image, output = scratch / "image.safetensors", scratch / "trace.safetensors"
    save_file({"image": np.load(folder / "input.npy")}, image)
    found: dict[str, np.ndarray] = {}
    for block in ("vortex",) if network == "trunk" else ("logits", "classes"):
        trace(segmentd, image, output, model=folder / "model.safetensors", at=(block,))
        found[block] = load_file(output)[block]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", nargs="+", help="ENGINE/NETWORK")
    parser.add_argument("--segmentd", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    references: dict[str, np.ndarray] = {}
    failures = 0
    print(f"{'engine':<14} {'network':<17} {'max|d|/max':>11} {'equal argmax':>13}")
    with tempfile.TemporaryDirectory(prefix="segmentd-peers-") as name:
        scratch = Path(name)
        for row in arguments.rows:
            engine, _, network = row.partition("/")
            original = "trunk" if network == "trunk" else "exported"
            if original not in references:
                try:
                    references[original] = peer_output(
                        "onnxruntime", original, arguments.folder, arguments.threads, scratch)
                except PeerFailed as failure:
                    raise SystemExit(f"onnxruntime, which the others are compared with, on {original}: {failure}") from None
            reference = references[original]
            if engine == "segmentd":
                found = segmentd_outputs(network, arguments.folder, arguments.segmentd, scratch)
                values = found.get("vortex", found.get("logits"))
                classes = found.get("classes")
            else:
                try:
                    values = peer_output(engine, network, arguments.folder, arguments.threads, scratch)
                except PeerFailed as failure:
                    # A processor without bfloat16 says nothing against the network.
                    failures += engine != "openvino-bf16"
                    print(f"{engine:<14} {network:<17} {failure}", flush=True)
                    continue
                classes = None if network == "trunk" else values.argmax(1)
            worst = float(np.abs(values.reshape(reference.shape) - reference).max() / np.abs(reference).max())
            equal = None if classes is None else float((classes.reshape(-1) == reference.argmax(1).reshape(-1)).mean())
            # Half the bits cannot hold the tolerance; bfloat16 is told, not judged.
            fails = engine != "openvino-bf16" and not worst <= TOLERANCE
            failures += fails
            print(f"{engine:<14} {network:<17} {worst:>11.1e} {'' if equal is None else f'{equal:.4%}':>13}"
                  f"{f'  over {TOLERANCE:g}' if fails else ''}", flush=True)
    print("PASS" if failures == 0 else f"FAIL: {failures} of {len(arguments.rows)}")
    return 0 if failures == 0 else 1


if __name__ == "__main__":
    sys.exit(main())

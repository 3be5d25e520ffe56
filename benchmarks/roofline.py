"""A roofline of each block of the network: what the machine's arithmetic and its memory allow, and what is measured.

Runs `segmentd bench --json`, whose sgemm rate is the ceiling of arithmetic, and measures in the same minute how fast
as many threads copy tensors of the engine's size: the ceiling of memory. A block cannot be faster than the slower of
the two: 2 x multiply-accumulates / sgemm rate, and bytes moved / copy rate (see `segmentd describe --compiled`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from tracing import ROOT


def copy_rate(threads: int, size: int, rounds: int = 15) -> float:
    """Bytes read and written a second, each of `threads` threads copying its part of `size` bytes. The best round."""
    sources = [np.ones(size // 8 // threads, np.float32) for _ in range(threads)]
    targets = [np.zeros_like(source) for source in sources]
    rates: list[float] = []
    for _ in range(rounds):
        workers = [threading.Thread(target=np.copyto, args=pair) for pair in zip(targets, sources)]
        start = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        rates.append(2 * sum(source.nbytes for source in sources) / (time.perf_counter() - start))
    return max(rates)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segmentd", type=Path, default=ROOT / ".build/release/segmentd")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--size", default="768x1024")
    arguments = parser.parse_args()
    command = [str(arguments.segmentd), "bench", "--json", "--threads", str(arguments.threads), "--frames",
               str(arguments.frames), "--size", arguments.size]
    before = copy_rate(arguments.threads, 40_000_000)
    try:
        report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"cannot run {arguments.segmentd}: {error}; build it with: make build", file=sys.stderr)
        return 1
    size = report["sizes"][0]
    if not size.get("sgemm"):
        print("segmentd bench measured no sgemm rate: is OpenBLAS installed?", file=sys.stderr)
        return 1
    arithmetic = size["sgemm"]["best_gflops"]
    memory = statistics.mean([before, copy_rate(arguments.threads, 40_000_000)]) / 1e9
    print(f"{report['model']}, {arguments.size}, {report['threads']} threads, {report['instruction_set']}: "
          f"sgemm {arithmetic:.0f} GFLOP/s, copies {memory:.1f} GB/s (read + written)\n")
    print("| block | GMAC | MB moved | FLOP/byte | arithmetic allows, ms | memory allows, ms | measured, ms | of the roof |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    sums = [0.0] * 4
    for block in [*size["blocks"], None]:
        if block:
            flops, moved, measured = 2 * block["multiply_accumulates"], block["bytes"], block["ms"]
            bounds = (flops / arithmetic / 1e6, moved / memory / 1e6)
            row = (flops, moved, max(bounds), measured)
            sums = [a + b for a, b in zip(sums, row)]
            name, roof = block["name"], max(bounds)
        else:
            flops, moved, roof, measured = sums
            name, bounds = "sum", (flops / arithmetic / 1e6, moved / memory / 1e6)
        print(f"| {name} | {flops / 2e9:.3f} | {moved / 1e6:.1f} | {flops / moved:.1f} | {bounds[0]:.2f} | {bounds[1]:.2f} "
              f"| {measured:.2f} | {100 * roof / measured:.0f} % |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

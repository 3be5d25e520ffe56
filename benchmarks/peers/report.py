"""What compare.py prints and writes: the machine, the table, the JSON file."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compare import Entry

_FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_bf16", "amx_int8", "asimd")


def machine() -> dict[str, object]:
    """Processor, those of its features that engines ask for, processors of this process, memory, kernel."""
    facts: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    flags = set(facts.get("flags", facts.get("Features", "")).split())
    return {
        "processor": facts.get("model name", platform.machine()),
        "family_model_stepping": "/".join(facts.get(k, "?") for k in ("cpu family", "model", "stepping")),
        "features": [flag for flag in _FLAGS if flag in flags],
        "processors": len(os.sched_getaffinity(0)),
        "hypervisor": "hypervisor" in flags,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def processor_times() -> list[int]:
    """Ticks of all processors since the start, as /proc/stat has them: user, nice, system, idle, iowait, irq, …"""
    return [int(value) for value in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]


def stolen_share(before: list[int], after: list[int]) -> float:
    """Of the time in which this machine wanted its processors, the share that the hypervisor gave to others."""
    spent = [b - a for a, b in zip(before, after)]
    wanted = sum(spent[:8]) - spent[3] - spent[4]
    return spent[7] / wanted if wanted > 0 else 0.0


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f}"


def print_all(rows: list[Entry], arguments: argparse.Namespace, stolen: float, *, scaling: bool) -> None:
    facts = machine()
    print(f"{facts['processor']} ({facts['family_model_stepping']}), {facts['processors']} processors, "
          f"{' '.join(facts['features'])}; Linux {facts['kernel']}; {stolen:.1%} of its time stolen")
    print(f"{arguments.size}, 19 classes, {arguments.threads} threads; {arguments.rounds} rounds of {arguments.frames} "
          f"runs each; {sys.argv[0]} {' '.join(sys.argv[1:])}\n")
    whole = {row.network == "trunk": median(row.milliseconds) for row in rows
             if row.engine == "segmentd" and row.milliseconds and row.threads == arguments.threads}
    print(f"{'engine':<14} {'version':<14} {'network':<17} {'threads':>7} {'median ms':>10} {'best ms':>8} "
          f"{'of segmentd':>11} {'peak MB':>8} {'over base':>9}")
    for row in rows:
        head = f"{row.engine:<14} {row.version:<14} {row.network:<17} {row.threads:>7}"
        if not row.milliseconds:
            print(f"{head} {row.error}")
            continue
        middle, reference = median(row.milliseconds), whole.get(row.network == "trunk")
        ratio = f"{middle / reference:.2f}x" if reference else "-"
        print(f"{head} {middle:>10.1f} {min(row.milliseconds):>8.1f} {ratio:>11} {_megabytes(row.peak_bytes):>8} "
              f"{_megabytes(row.peak_bytes - row.base_bytes):>9} {row.error}")
    if scaling and all(row.milliseconds for row in rows):
        one, many = (median(row.milliseconds) for row in rows)
        print(f"\n{one / many:.2f}x from 1 thread to {rows[1].threads}")


def write_json(path: Path, rows: list[Entry], arguments: argparse.Namespace, stolen: float, start: float) -> None:
    entries = [
        {**asdict(row), "median_ms": median(row.milliseconds) if row.milliseconds else None,
         "best_ms": min(row.milliseconds, default=None)} for row in rows]
    content = {
        "machine": machine(), "command": sys.argv, "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start)),
        "size": arguments.size, "classes": 19, "rounds": arguments.rounds, "warmup": arguments.warmup,
        "frames": arguments.frames, "stolen_share": stolen, "entries": entries}
    path.write_text(json.dumps(content, indent=2, default=str) + "\n")

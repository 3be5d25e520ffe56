"""What the two checks share: where things lie, and a run of `segmentd trace`."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def shared(name: str) -> Path:
    """The folder `shared/NAME` beside the repository, or above it (where the repository is a git worktree)."""
    for parent in ROOT.parents:
        if (parent / "shared" / name).is_dir():
            return parent / "shared" / name
    raise SystemExit(f"there is no folder shared/{name} beside {ROOT}: pass the paths by option")


def trace(segmentd: Path, image: Path, output: Path, *, model: Path | None = None, at: tuple[str, ...] = ()) -> None:
    """`segmentd trace IMAGE -o OUTPUT`: the activations of every block, or of those named."""
    command = [str(segmentd), "trace", str(image), "-o", str(output)]
    if model is not None:
        command += ["--model", str(model)]
    for block in at:
        command += ["--at", block]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\nended with {result.returncode}: {result.stderr.strip()}")

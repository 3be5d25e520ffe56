"""segmentd beside the engines that people run today: the same network, weights, picture size and number of threads.

Each engine has a process of its own and a turn in each round, the order rotated from round to round. A turn loads the
network, runs it a few times, then measures runs and gives their median; the figures are the median over the rounds and
the best round. README.md says how each engine is configured and what its time covers.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import report

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
REQUIREMENTS = FOLDER / "requirements.txt"


class TurnFailed(Exception):
    """An engine ended with an error: its last line."""


@dataclass
class Entry:
    """A row of the table: an engine on a form of the network, and what its turns gave."""

    engine: str
    network: str
    threads: int
    milliseconds: list[float] = field(default_factory=list)
    peak_bytes: int = 0
    #: Resident before a network was loaded: interpreter and package; for segmentd, the program.
    base_bytes: int = 0
    version: str = ""
    #: What else segmentd's bench says.
    bench: dict[str, object] = field(default_factory=dict)
    error: str = ""

    @property
    def name(self) -> str:
        return f"{self.engine}/{self.network}"


#: Engine, forms of the network, packages.
PEERS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("openvino-f32", ("exported", "rewritten", "rewritten-resize", "trunk"), ("openvino",)),
    ("openvino-bf16", ("exported", "rewritten", "rewritten-resize", "trunk"), ("openvino",)),
    ("onnxruntime", ("exported", "rewritten", "rewritten-resize", "trunk"), ("onnxruntime",)),
    ("ncnn", ("exported", "trunk"), ("ncnn", "pnnx")),
)


def entries(arguments: argparse.Namespace) -> list[Entry]:
    """The rows that were asked for."""
    if arguments.scaling:
        return [Entry("segmentd", "whole", threads) for threads in (1, arguments.threads)]
    rows = [Entry("segmentd", "whole", arguments.threads)]
    rows += [Entry("segmentd", "trunk", arguments.threads)] if "--until" in arguments.bench_options else []
    rows += [Entry(engine, network, arguments.threads) for engine, networks, _ in PEERS for network in networks]
    wanted = [pattern if "/" in pattern else f"{pattern}/*" for pattern in arguments.only or ["*"]]
    return [row for row in rows if any(fnmatch(row.name, pattern) for pattern in wanted)]


def require_packages(rows: list[Entry]) -> None:
    """Ends the program, with the command that helps, where a package is missing."""
    engines = {row.engine for row in rows} - {"segmentd"}
    needed = {"numpy", "onnx", "onnxscript", "safetensors", "torch"}
    needed |= {package for engine, _, packages in PEERS if engine in engines for package in packages}
    missing = sorted(package for package in needed if find_spec(package) is None)
    if missing:
        raise SystemExit(
            f"missing Python packages: {', '.join(missing)}; {sys.executable} -m pip install -r {REQUIREMENTS}")


def prepare(folder: Path, height: int, width: int, ncnn: bool) -> None:
    """Makes the networks, unless they are there already and younger than what makes them."""
    names = ["exported.onnx", "rewritten.onnx", "rewritten-resize.onnx", "trunk.onnx", "model.safetensors", "input.npy"]
    if ncnn:
        names += [f"{network}.ncnn.{suffix}" for network in ("exported", "trunk") for suffix in ("param", "bin")]
    sources = [FOLDER / "networks.py", FOLDER / "rewriting.py", *(ROOT / "training/segmentd_training").glob("*.py")]
    youngest = max(path.stat().st_mtime for path in sources)
    if all((folder / name).exists() and (folder / name).stat().st_mtime > youngest for name in names):
        return
    print(f"writing the networks to {folder}", file=sys.stderr)
    command = [sys.executable, FOLDER / "networks.py", folder, "--height", height, "--width", width]
    command += ["--ncnn"] if ncnn else []
    result = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise SystemExit(f"{shlex.join(map(str, command))}\nended with {result.returncode}:\n{result.stdout.strip()[-3000:]}")


def run(command: list[str]) -> tuple[str, int]:
    """The command's standard output and the most memory that it had resident. Raises TurnFailed."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            lines = errors.read().strip().splitlines() or ["it says nothing"]
            raise TurnFailed(f"ended with {process.returncode}: {lines[-1]}")
        return output.read(), usage.ru_maxrss * 1024


def model_file(folder: Path, entry: Entry) -> Path:
    return folder / f"{entry.network}.{'ncnn.param' if entry.engine == 'ncnn' else 'onnx'}"


def take_turn(entry: Entry, arguments: argparse.Namespace, folder: Path) -> None:
    """One turn; its median and memory go into the entry."""
    if entry.engine == "segmentd":
        command = [arguments.segmentd, "bench", "--json", "--model", folder / "model.safetensors", "--threads",
                   entry.threads, "--frames", arguments.frames, "--size", arguments.size]
        command += ["--until", "vortex"] if entry.network == "trunk" else []
        command += ["--no-sgemm"] if "--no-sgemm" in arguments.bench_options else []
    else:
        command = [sys.executable, FOLDER / "turn.py", entry.engine, model_file(folder, entry), folder / "input.npy",
                   "--threads", entry.threads, "--warmup", arguments.warmup, "--frames", arguments.frames]
    text, peak = run([*shlex.split(arguments.wrap), *map(str, command)])
    found = json.loads(text)
    if entry.engine == "segmentd":
        size = found["sizes"][0]
        entry.milliseconds.append(size["p50_ms"])
        entry.bench = {k: v for k, v in {**found, **size}.items() if isinstance(v, int | float | str)}
    else:
        entry.milliseconds.append(median(found["ms"]))
        entry.base_bytes, entry.version = max(entry.base_bytes, found["imported_bytes"]), found["version"]
    entry.peak_bytes = max(entry.peak_bytes, peak)


def measure(rows: list[Entry], arguments: argparse.Namespace, folder: Path) -> None:
    """All rounds. An engine that fails once is left out of the rounds that follow."""
    for number in range(arguments.rounds):
        first = number * len(rows) // arguments.rounds
        for entry in rows[first:] + rows[:first]:
            if entry.error:
                continue
            try:
                take_turn(entry, arguments, folder)
            except TurnFailed as failure:
                entry.error = str(failure)
        print(f"round {number + 1} of {arguments.rounds} done", file=sys.stderr)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segmentd", type=Path, default=ROOT / ".build/release/segmentd")
    parser.add_argument("--threads", type=int, default=2, help="of every engine")
    parser.add_argument("--size", default="768x1024", help="height x width, multiples of 16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=3, help="runs of a turn that are not measured (segmentd: always 3)")
    parser.add_argument("--frames", type=int, default=10, help="runs of a turn that are measured")
    parser.add_argument("--only", action="append", metavar="ENGINE[/NETWORK]",
                        help="rows to run, wildcards allowed: 'openvino*', '*/trunk'; may be given several times")
    parser.add_argument("--scaling", action="store_true", help="only segmentd, one thread against --threads")
    parser.add_argument("--check", action="store_true", help="compare outputs with ONNX Runtime's, measure nothing")
    parser.add_argument("--wrap", default="", metavar="COMMAND", help="runs each turn under it, such as 'taskset -c 0,1'")
    parser.add_argument("--networks", type=Path, help="where the networks are kept; default: .build/peers/SIZE")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything, the machine included")
    arguments = parser.parse_args()
    height, _, width = arguments.size.partition("x")
    if not (height.isdigit() and width.isdigit()):
        parser.error(f"--size is height x width, such as 768x1024, not {arguments.size}")
    arguments.height, arguments.width = int(height), int(width)
    for option in ("threads", "rounds", "frames"):
        if getattr(arguments, option) < 1:
            parser.error(f"--{option} must be at least 1")
    if arguments.scaling and arguments.threads < 2:
        parser.error("--scaling compares one thread with --threads: give at least 2")
    return arguments


def main() -> int:
    arguments = parse()
    if not os.access(arguments.segmentd, os.X_OK):
        raise SystemExit(f"there is no program {arguments.segmentd}: make build, or pass --segmentd")
    usage = subprocess.run([arguments.segmentd, "bench", "--help"], capture_output=True, text=True).stdout
    arguments.bench_options = set(re.findall(r"--[a-z-]+", usage))
    rows = entries(arguments)
    if not rows:
        raise SystemExit(f"no row is called {' or '.join(arguments.only)}")
    require_packages(rows)
    folder = arguments.networks or ROOT / ".build/peers" / arguments.size
    prepare(folder, arguments.height, arguments.width, any(row.engine == "ncnn" for row in rows))

    if arguments.check:
        command = [sys.executable, FOLDER / "checking.py", folder, "--segmentd", arguments.segmentd, "--threads",
                   arguments.threads, *(row.name for row in rows)]
        return subprocess.run([str(part) for part in command]).returncode

    start, before = time.time(), report.processor_times()
    measure(rows, arguments, folder)
    stolen = report.stolen_share(before, report.processor_times())
    version, program_bytes = run([str(arguments.segmentd), "--version"])
    for row in rows:
        if row.engine == "segmentd":
            row.version, row.base_bytes = version.strip(), program_bytes
    if "--until" not in arguments.bench_options and not arguments.scaling:
        print(f"note: {arguments.segmentd} has no bench --until, so its trunk is missing: it is older than this program")
    report.print_all(rows, arguments, stolen, scaling=arguments.scaling)
    if arguments.json:
        report.write_json(arguments.json, rows, arguments, stolen, start)
    return 1 if any(row.error for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

"""What a check inside a booted machine asks and tells of segmentd.service. Standard library only: the machine may have
nothing else."""

from __future__ import annotations

import socket
import subprocess
import time

UNIT = "segmentd.service"
failures = 0
passed = 0


def check(name: str, holds: bool, seen: object = "") -> bool:
    global failures, passed
    passed, failures = passed + bool(holds), failures + (not holds)
    print(f"{'pass' if holds else 'FAIL'}  {name}{': ' if seen != '' else ''}{seen}", flush=True)
    return bool(holds)


def conclude() -> None:
    print(f"{passed} of {passed + failures} {'checks passed' if not failures else 'checks: FAIL'}", flush=True)


def systemctl(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(["systemctl", *words], capture_output=True, text=True, timeout=100)


def show(name: str) -> str:
    return systemctl("show", "-P", name, UNIT).stdout.strip()


def wait(condition, seconds: float = 30):
    """What `condition` gives once it is true; None where it never was."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := condition():
            return value
        time.sleep(0.1)
    return None


def logged() -> str:
    return subprocess.run(["journalctl", "-u", UNIT, "--no-pager", "-q", "-o", "cat"], capture_output=True,
                          text=True).stdout


def header(lines) -> tuple[int, int]:
    """Height and width in the first line that a mask socket sends."""
    head = {word[:1]: word[1:] for word in lines.readline().decode().split()[1:]}
    return int(head.get("H", 0)), int(head.get("W", 0))


def announced(path: str) -> tuple[int, int]:
    """Height and width that a socket gives its readers now."""
    with socket.socket(socket.AF_UNIX) as reader, reader.makefile("rb") as lines:
        reader.settimeout(20)
        reader.connect(path)
        return header(lines)


def read_valid_masks(path: str, count: int) -> str:
    """Reads `count` masks that are not blind; what they were, in words. Raises `OSError` where none come."""
    with socket.socket(socket.AF_UNIX) as reader, reader.makefile("rb") as stream:
        reader.settimeout(60)
        reader.connect(path)
        height, width = header(stream)
        valid, classes, blind = 0, set(), 0
        while valid < count:
            line = stream.readline()
            if not line:
                raise ConnectionError(f"{path} was closed after {valid} valid masks")
            facts = dict(word[1:].split("=") for word in line.decode().split()[1:])
            mask = stream.read(height * width)
            if int(facts["F"], 16) & 1 or max(mask) == 255:
                blind += 1
                continue
            valid += 1
            classes |= set(mask)
    return f"{count} masks of {height}x{width}, classes {sorted(classes)}, {blind} blind ones between"

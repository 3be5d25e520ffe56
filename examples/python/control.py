#!/usr/bin/env python3
"""Asks the control socket of a segmentd service and prints the answer.

    control.py /run/segmentd/control labels
    control.py /run/segmentd/control status      (also: model, palette, geometry, metrics)

No dependency. Use it as a module, too: `ask("/run/segmentd/control", "labels")`. The requests: docs/wire.md.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
from typing import Any


class Refused(Exception):
    """The service answered with an error."""


def ask(path: str, request: str, timeout_s: float = 10.0, **keys: str) -> Any:
    """What the service answers to `request`. Raises OSError where nothing answers, `Refused` where it says no."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_s)
        connection.connect(path)
        connection.sendall(json.dumps({"request": request, **keys}).encode() + b"\n")
        with connection.makefile("rb") as file:
            line = file.readline()
    if not line.endswith(b"\n"):
        raise ConnectionError(f"{path}: the service closed the connection without an answer")
    answer = json.loads(line)
    if "error" in answer:
        raise Refused(answer["error"])
    return answer[request]


def described(request: str, answer: Any) -> str:
    """Lines for people: classes and cameras in short, the rest as JSON."""
    if request == "labels":
        return "\n".join(f"{label['id']:3} {label['color']} {label['name']}" for label in answer)
    if request == "status":
        return "\n".join(
            f"{camera['name']}: {camera['source']['state']}, {camera['fps_out']:.1f} masks/s, "
            f"median age {camera['age_ms']['p50']:.1f} ms, {camera['clients']} readers"
            for camera in answer["cameras"]
        )
    return str(answer) if request == "metrics" else json.dumps(answer, indent=2)


def main() -> int:
    parser = argparse.ArgumentParser(description="Asks a segmentd service.")
    parser.add_argument("socket")
    parser.add_argument("request", choices=["labels", "status", "model", "palette", "geometry", "metrics"])
    arguments = parser.parse_args()
    try:
        print(described(arguments.request, ask(arguments.socket, arguments.request)))
    except (OSError, Refused) as error:
        print(f"{arguments.socket}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

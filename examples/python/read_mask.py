#!/usr/bin/env python3
"""Reads the masks of one camera from its .mask socket as numpy arrays, and prints a line for each frame.

    read_mask.py [-n FRAMES] /run/segmentd/front.mask

Needs numpy. Use it as a module, too: `for mask in masks("/run/segmentd/front.mask"): …`. The protocol: docs/wire.md.
"""

from __future__ import annotations

import argparse
import itertools
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

NO_CLASS = 255
CAUSES = {1: "connecting", 2: "no_signal", 3: "refused_frames", 4: "too_old", 5: "overload"}
LINE_LIMIT = 256  # bytes; segmentd's lines have at most 96


class MalformedStream(Exception):
    """The bytes are not a stream of masks."""


@dataclass(frozen=True)
class Mask:
    """A class id for every pixel, and the facts of its frame."""

    ids: NDArray[np.uint8]  # height × width, read-only
    sequence: int  # XS
    captured_ns: int  # XT, since the epoch
    latency_us: int  # XL, from capture to sending
    dropped: int  # XD, frames that this reader missed since its last one
    flags: int  # XF

    @property
    def is_valid(self) -> bool:
        """An invalid (blind) mask says nothing: every pixel is 255."""
        return self.flags & 1 == 0

    @property
    def cause(self) -> str | None:
        """Why the mask is invalid; None for a valid one."""
        return None if self.is_valid else CAUSES.get(self.flags >> 1 & 7, "unknown")

    def shares(self) -> dict[int, float]:
        """The share of the pixels that each class has."""
        counts = np.bincount(self.ids.ravel(), minlength=256)
        return {int(i): float(counts[i] / self.ids.size) for i in np.flatnonzero(counts)}


def tags(line: bytes, first: bytes, key_length: int) -> dict[str, str]:
    """The words of a line by their keys, in any order; unknown ones do no harm."""
    words = line.split()
    if not line.endswith(b"\n") or not words or words[0] != first:
        raise MalformedStream(f"expected {first.decode()}, got {line[:40]!r}")
    texts = [word.decode("ascii", "replace") for word in words[1:]]
    return {text[:key_length]: text[key_length:] for text in texts}


def read_stream(file: BinaryIO) -> Iterator[Mask]:
    """The masks of one connection, until the service closes it. A frame that the end cut off is left out."""
    line = file.readline(LINE_LIMIT)
    if not line:
        return
    try:
        head = tags(line, b"YUV4MPEG2", 1)
        width, height = int(head["W"]), int(head["H"])
        if head.get("C") != "mono" or not (0 < width <= 8192 and 0 < height <= 8192):
            raise MalformedStream(f"no stream of masks: {line!r}")
        while (line := file.readline(LINE_LIMIT)).endswith(b"\n"):
            facts = tags(line, b"FRAME", 3)
            pixels = file.read(width * height)
            if len(pixels) < width * height:
                return
            yield Mask(
                ids=np.frombuffer(pixels, np.uint8).reshape(height, width),
                sequence=int(facts.get("XS=", "0")),
                captured_ns=int(facts.get("XT=", "0")),
                latency_us=int(facts.get("XL=", "0")),
                dropped=int(facts.get("XD=", "0")),
                flags=int(facts.get("XF=", "1"), 16),  # without XF nothing says that the mask is valid
            )
        if len(line) >= LINE_LIMIT:
            raise MalformedStream("a line is too long")
    except (KeyError, ValueError) as error:
        raise MalformedStream(f"{line[:80]!r}: {error}") from error


def masks(path: str, silence_s: float = 2.0) -> Iterator[Mask]:
    """The masks of the socket at `path`, for ever: connects again, after 0.1 s to 2 s, when the service is away, and
    when no frame came for `silence_s`."""
    backoff = 0.1
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(silence_s)
                connection.connect(path)
                for mask in read_stream(connection.makefile("rb")):
                    backoff = 0.1
                    yield mask
            print("the service closed the connection", file=sys.stderr)
        except (OSError, MalformedStream) as error:  # TimeoutError is an OSError
            print(f"{path}: {error}: the view is unknown", file=sys.stderr)
        time.sleep(backoff)
        backoff = min(2 * backoff, 2.0)


def described(mask: Mask) -> str:
    """A line for a frame."""
    seconds, rest = divmod(mask.captured_ns, 1_000_000_000)
    line = f"{mask.sequence} {seconds}.{rest:09} latency {mask.latency_us / 1000:.3f} ms dropped {mask.dropped}"
    if not mask.is_valid:
        return f"{line} invalid {mask.cause}"
    return f"{line} classes " + " ".join(f"{i}:{share:.4f}" for i, share in mask.shares().items())


def main() -> int:
    parser = argparse.ArgumentParser(description="Prints a line for each mask of a camera.")
    parser.add_argument("-n", type=int, metavar="FRAMES", help="end after this many frames; default: read until SIGINT")
    parser.add_argument("socket")
    arguments = parser.parse_args()
    try:
        for mask in itertools.islice(masks(arguments.socket), arguments.n):
            print(described(mask), flush=True)
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())

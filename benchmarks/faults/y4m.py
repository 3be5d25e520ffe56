"""The stream of a segmentd socket: docs/wire.md."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator


class Header:
    """The first line."""

    def __init__(self, line: bytes):
        words = line.decode("ascii").split()
        if not line.endswith(b"\n") or words[0] != "YUV4MPEG2":
            raise ValueError(f"no Y4M header: {line[:40]!r}")
        tags = {word[0]: word[1:] for word in words[1:] if word[0] != "X"}
        self.width, self.height = int(tags["W"]), int(tags["H"])
        self.planes = {"mono": 1, "444": 3}[tags["C"]]

    @property
    def pixel_bytes(self) -> int:
        return self.width * self.height * self.planes


def facts_of(line: bytes) -> dict[str, str]:
    """What a frame's line says, by the letter after X."""
    words = line.decode("ascii").split()
    if words[0] != "FRAME":
        raise ValueError(f"no frame line: {line[:40]!r}")
    return dict(word[1:].split("=", 1) for word in words[1:])


def frames_of(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Each frame's line and pixels of a file."""
    with path.open("rb") as file:
        header = Header(file.readline())
        while line := file.readline():
            yield line, file.read(header.pixel_bytes)

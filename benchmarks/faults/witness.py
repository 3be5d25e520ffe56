"""A consumer of a .mask socket that looks at every byte: which frame each mask shows, and all that its line says.

Run as a program it reads SOCKET and appends one JSON list a frame to LOG:
`[received ns (CLOCK_MONOTONIC), received ns (epoch), XS, XT, XL, XD, XF, stream, frame, wrong pixels]`; for a blind mask
stream is null and `wrong pixels` counts those that are not 255. Objects `{"event": …}` tell connections and errors.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import socket
import sys
import time
from pathlib import Path

import numpy as np

from y4m import Header, facts_of, frames_of


class Album:
    """The clean masks of every frame of every stream."""

    def __init__(self, paths: dict[str, Path]):
        self.keys: list[tuple[str, int]] = []
        masks = []
        for name, path in paths.items():
            for number, (_, pixels) in enumerate(frames_of(path)):
                self.keys.append((name, number))
                masks.append(np.frombuffer(pixels, np.uint8))
        self.masks = np.stack(masks)
        self.sketches = np.ascontiguousarray(self.masks[:, ::37])
        self.by_digest = {self.digest(mask): index for index, mask in enumerate(self.masks)}

    @staticmethod
    def digest(mask) -> bytes:
        return hashlib.blake2b(mask, digest_size=12).digest()

    def find(self, mask: np.ndarray) -> tuple[str, int, int]:
        """The stream and number of the frame that `mask` shows, and by how many pixels it differs from its clean mask."""
        index = self.by_digest.get(self.digest(mask))
        if index is not None:
            return (*self.keys[index], 0)
        likely = np.argsort(np.count_nonzero(self.sketches != mask[::37], axis=1))[:3]
        wrong = {int(index): int(np.count_nonzero(self.masks[index] != mask)) for index in likely}
        best = min(wrong, key=wrong.get)
        return (*self.keys[best], wrong[best])


def watch(path: str, album: Album, log, until_closed: bool = False) -> None:
    """Reads masks for ever, connecting again whenever the socket is closed or not there."""

    def note(event: str) -> None:
        log.write(json.dumps({"event": event, "at": time.monotonic_ns()}) + "\n")
        log.flush()

    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            time.sleep(0.02)
            continue
        note("connected")
        file = connection.makefile("rb", buffering=1 << 17)
        try:
            note(read(file, album, log))
        except (ValueError, KeyError) as error:
            note(f"broken: {error}")
        except OSError as error:
            note(f"closed: {error}")
        connection.close()
        if until_closed:
            return


def read(file, album: Album, log) -> str:
    line = file.readline()
    if not line:
        return "closed before the header"
    header = Header(line)
    if header.pixel_bytes != album.masks.shape[1]:
        return f"broken: masks of {header.width}x{header.height}"
    while line := file.readline():
        pixels = file.read(header.pixel_bytes)
        now, epoch = time.monotonic_ns(), time.time_ns()
        if not line.endswith(b"\n") or len(pixels) < header.pixel_bytes:
            return "broken: closed within a frame"
        facts = facts_of(line)
        mask = np.frombuffer(pixels, np.uint8)
        flags = int(facts["F"], 16)
        if flags & 1:
            found = (None, None, int(np.count_nonzero(mask != 255)))
        else:
            found = album.find(mask)
        log.write(json.dumps([now, epoch, int(facts["S"]), int(facts["T"]), int(facts["L"]), int(facts["D"]), flags,
                              *found]) + "\n")
        log.flush()
    return "closed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("socket")
    parser.add_argument("log", type=Path)
    parser.add_argument("masks", nargs="+", help="NAME=FILE.y4m")
    arguments = parser.parse_args()
    album = Album({name: Path(path) for name, path in (word.split("=", 1) for word in arguments.masks)})
    with arguments.log.open("a") as log:
        print("ready", flush=True)
        watch(arguments.socket, album, log)


if __name__ == "__main__":
    sys.exit(main())

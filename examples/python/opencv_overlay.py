#!/usr/bin/env python3
"""Reads masks with OpenCV and lays their class colours over a picture of the same camera.

    opencv_overlay.py --picture now.png -o overlay.png /run/segmentd front

Needs opencv-python(-headless) and numpy. The picture has the source's size, such as the one that
`segmentd ctl snapshot front --style picture -o now.png` writes. OpenCV passes on pixels only: to match a mask with the
frame of its own moment you need its XT, which read_mask.py has.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from control import Refused, ask

Pixels = NDArray[np.uint8]
NO_CLASS = 255


def read_masks(path: str, frames: int) -> list[Pixels]:
    """The ids of the next `frames` masks, each height × width. Raises ConnectionError where none come."""
    video = cv2.VideoCapture(f"unix:{path}", cv2.CAP_FFMPEG)
    if not video.isOpened():
        raise ConnectionError(f"OpenCV cannot read {path}")
    video.set(cv2.CAP_PROP_CONVERT_RGB, 0)  # ids as they are, not grey as blue, green and red
    found: list[Pixels] = []
    for _ in range(frames):
        is_read, mask = video.read()
        if not is_read:
            raise ConnectionError(f"{path}: the service closed the connection")
        found.append(np.asarray(mask, np.uint8).reshape(mask.shape[:2]))
    video.release()
    return found


def at_source(mask: Pixels, geometry: dict[str, Any]) -> Pixels:
    """The mask at the size of the source picture: source = mask × scale + offset, where whole numbers are the edges of
    pixels. Source pixels that the mask does not show are 255."""
    height, width = geometry["source"]["height"], geometry["source"]["width"]
    rows = np.floor((np.arange(height) + 0.5 - geometry["offset_y"]) / geometry["scale_y"]).astype(int)
    columns = np.floor((np.arange(width) + 0.5 - geometry["offset_x"]) / geometry["scale_x"]).astype(int)
    is_shown = np.outer((rows >= 0) & (rows < mask.shape[0]), (columns >= 0) & (columns < mask.shape[1]))
    pixels = mask[np.ix_(rows.clip(0, mask.shape[0] - 1), columns.clip(0, mask.shape[1] - 1))]
    return np.where(is_shown, pixels, NO_CLASS).astype(np.uint8)


def overlay(picture: Pixels, ids: Pixels, palette: list[list[int]], opacity: float) -> Pixels:
    """The picture (blue, green, red) under the class colours; as it is where a pixel has no class."""
    colors = np.zeros((256, 3), np.uint8)
    colors[: len(palette)] = np.array(palette, np.uint8)[:, ::-1]
    mixed = cv2.addWeighted(colors[ids], opacity, picture, 1 - opacity, 0)
    return np.where((ids == NO_CLASS)[:, :, None], picture, mixed).astype(np.uint8)


def main() -> int:
    parser = argparse.ArgumentParser(description="Lays the classes of a mask over a picture.")
    parser.add_argument("folder", type=Path, help="where the sockets are: /run/segmentd")
    parser.add_argument("camera")
    parser.add_argument("--picture", required=True, help="a picture of the source's size")
    parser.add_argument("-o", dest="output", default="overlay.png")
    parser.add_argument("--opacity", type=float, default=0.5)
    parser.add_argument("-n", type=int, default=5, metavar="FRAMES", help="use the last of so many masks (default: 5)")
    arguments = parser.parse_args()
    control = str(arguments.folder / "control")
    try:
        palette = ask(control, "palette")
        geometries = {entry["camera"]: entry for entry in ask(control, "geometry")}
        mask = read_masks(str(arguments.folder / f"{arguments.camera}.mask"), max(1, arguments.n))[-1]
    except (OSError, Refused) as error:
        print(error, file=sys.stderr)
        return 1
    if mask.min() == NO_CLASS or arguments.camera not in geometries:
        print("the mask is invalid (blind): the camera has no picture now", file=sys.stderr)
        return 1
    geometry = geometries[arguments.camera]
    picture = cv2.imread(arguments.picture, cv2.IMREAD_COLOR)
    if picture is None or picture.shape[:2] != (geometry["source"]["height"], geometry["source"]["width"]):
        print(f"{arguments.picture} is no picture of {geometry['source']}", file=sys.stderr)
        return 1
    ids = at_source(mask, geometry)
    if not cv2.imwrite(arguments.output, overlay(np.asarray(picture, np.uint8), ids, palette, arguments.opacity)):
        print(f"cannot write {arguments.output}", file=sys.stderr)
        return 1
    print(f"{arguments.output}: {mask.shape[1]}x{mask.shape[0]} mask over {picture.shape[1]}x{picture.shape[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

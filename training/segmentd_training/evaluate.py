"""Tables I and III for a model and labelled pictures: the numbers of `segmentd evaluate`.

    python -m segmentd_training.evaluate --model M.safetensors --images DIR --labels DIR [--json]
    python -m segmentd_training.evaluate --model M.safetensors --data cityscapes:ROOT --split val
    python -m segmentd_training.evaluate --predictions DIR --images DIR --labels DIR      (class maps made elsewhere)

A picture is stretched to the network's input as the daemon does, bilinear by libswscale (the program `ffmpeg` has to be
there); the class map is sampled at the label's pixel centres.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from .classes import CLASS_SETS, ClassSet
from .metrics import Boundaries, Confusion, nearest, report
from .network import PyramidShuffleNetV2
from .pictures import LabelledPictures, folder, of_classes, parse_source, read_label
from .products import TrainingForward
from .safetensors_io import ModelCard, load_model
from .table import printed
from .world import World

#: Height and width of the daemon's default input.
INPUT = (768, 1024)


def parse_size(text: str) -> tuple[int, int]:
    """`HEIGHTxWIDTH`, multiples of 16."""
    parts = text.split("x")
    if len(parts) != 2 or not all(p.isdigit() and int(p) and int(p) % 16 == 0 for p in parts):
        raise argparse.ArgumentTypeError(f"expected HEIGHTxWIDTH in multiples of 16, such as 768x1024, not {text!r}")
    return int(parts[0]), int(parts[1])


def parse_count(text: str) -> int:
    """A whole number above zero."""
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number above zero, not {text!r}")
    return int(text)


def scaler() -> str:
    """The path of `ffmpeg`, whose libswscale brings pictures to the network's size."""
    if (found := shutil.which("ffmpeg")) is None:
        raise ValueError("the program ffmpeg is missing; it scales pictures as the daemon does: apt install ffmpeg")
    return found


def stretch(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3), eight bits, to (height, width, 3): by libswscale with the daemon's flags, so to the daemon's bits."""
    (rows, columns), (height, width) = picture.shape[:2], size
    if (rows, columns) == (height, width):
        return picture
    flags = "bilinear+accurate_rnd+full_chroma_int+full_chroma_inp"
    done = subprocess.run(
        [scaler(), "-nostdin", "-v", "error", "-threads", "1", "-f", "rawvideo", "-pix_fmt", "rgb24",
         "-s", f"{columns}x{rows}", "-i", "pipe:0", "-vf", f"scale={width}:{height}:flags={flags}",
         "-pix_fmt", "gbrp", "-f", "rawvideo", "pipe:1"],
        input=np.ascontiguousarray(picture).tobytes(), capture_output=True)
    if done.returncode or len(done.stdout) != 3 * height * width:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it wrote too little"]
        raise ValueError(f"ffmpeg did not scale a picture of {columns}x{rows} to {width}x{height}: {said[0]}")
    planes = np.frombuffer(done.stdout, np.uint8).reshape(3, height, width)
    return planes[[2, 0, 1]].transpose(1, 2, 0)  # they come as green, blue, red


def normalised(
    picture: np.ndarray, size: tuple[int, int], mean: Sequence[float], std: Sequence[float],
    device: torch.device = torch.device("cpu"),
) -> torch.Tensor:
    """A picture (H, W, 3), eight bits, as the network's input (1, 3, height, width)."""
    pixels = torch.from_numpy(stretch(picture, size).copy()).to(device)
    mean_, std_ = (torch.tensor(v, device=device).view(3, 1, 1) for v in (mean, std))
    image = ((pixels.permute(2, 0, 1) / 255 - mean_) / std_)[None]
    return image.contiguous(memory_format=torch.channels_last)


class Segmenter:
    """A network with its input's size and normalisation: picture (H, W, 3), eight bits, to a class map."""

    def __init__(
        self, network: PyramidShuffleNetV2, *, size: tuple[int, int], mean: Sequence[float], std: Sequence[float],
        device: torch.device = torch.device("cpu"),
    ) -> None:
        self._size, self._mean, self._std, self._device = size, mean, std, device
        self._forward = TrainingForward(network.to(device).eval())

    @torch.inference_mode()
    def __call__(self, picture: np.ndarray) -> np.ndarray:
        logits = self._forward(normalised(picture, self._size, self._mean, self._std, self._device))
        upsampled = F.interpolate(logits, scale_factor=4, mode="bilinear", align_corners=False)
        return upsampled.argmax(dim=1)[0].to(torch.uint8).cpu().numpy()


def measure(
    segment: Callable[[int, np.ndarray], np.ndarray], pictures: LabelledPictures, *, boundaries: bool = True,
    every: int = 1, world: World | None = None,
) -> tuple[Confusion, Boundaries | None]:
    """Counts over each `every`th picture, divided among the processes; the sums are the same in all of them.

    `segment` takes a picture's index and pixels and gives its class map, of any size.
    """
    rank, processes = (world.rank, world.processes) if world else (0, 1)
    confusion = Confusion(len(pictures.classes))
    edges = Boundaries(len(pictures.classes)) if boundaries else None
    for index in range(rank * every, len(pictures), processes * every):
        picture, label = pictures.read(index)
        prediction = nearest(segment(index, picture), label.shape)
        confusion.add(prediction, label)
        if edges:
            edges.add(prediction, label)
    if world:
        confusion.matrix = world.sum(confusion.matrix)
        if edges:
            edges.counts = world.sum(edges.counts)
    return confusion, edges


def classes_of(card: ModelCard) -> ClassSet:
    """The classes that a model file names."""
    return ClassSet(tuple(card.classes), tuple(card.categories), tuple(card.palette))


def _labelled(arguments: argparse.Namespace, classes: ClassSet) -> LabelledPictures:
    if arguments.data:
        return of_classes(parse_source(arguments.data, arguments.split, classes)[0], classes)
    if not arguments.images or not arguments.labels:
        raise ValueError("what to evaluate on is missing: give --images and --labels, or --data")
    everything_else = [v for v in range(256) if v >= len(classes)]
    return folder(arguments.images, arguments.labels, classes, void=everything_else)


def _stored(directory: Path, pictures: LabelledPictures) -> Callable[[int, np.ndarray], np.ndarray]:
    def read(index: int, _: np.ndarray) -> np.ndarray:
        stem = pictures.pictures[index].label.stem
        path = directory / f"{stem}.png"
        if not path.is_file():
            raise ValueError(f"there is no class map {path} for the label {pictures.pictures[index].label}")
        return read_label(path)

    return read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a model file")
    parser.add_argument("--predictions", type=Path, help="class maps (PNG ids, named as the labels) in place of a network's")
    parser.add_argument("--classes", choices=CLASS_SETS, default="street11", help="with --predictions and no --model")
    parser.add_argument("--images", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--data", help="cityscapes:ROOT, camvid:ROOT, folder:IMAGES:LABELS or drive:VIDEO:LABELS")
    parser.add_argument("--split", default="val")
    parser.add_argument("--input", type=parse_size, default=INPUT, metavar="HEIGHTxWIDTH")
    parser.add_argument("--every", type=parse_count, default=1, help="only each n-th picture")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        classes = CLASS_SETS[arguments.classes]
        if arguments.model:
            network, card = load_model(arguments.model)
            classes = classes_of(card)
        elif not arguments.predictions:
            raise ValueError("give --model or --predictions")
        pictures = _labelled(arguments, classes)
        if arguments.predictions:
            segment = _stored(arguments.predictions, pictures)
        else:
            device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
            segmenter = Segmenter(network, size=arguments.input, mean=card.mean, std=card.std, device=device)
            segment = lambda _, picture: segmenter(picture)  # noqa: E731
        cv2.setNumThreads(1)
        confusion, edges = measure(segment, pictures, every=arguments.every)
    except (ValueError, OSError) as error:
        sys.exit(f"evaluate: {error}")
    height, width = arguments.input
    result = {
        "model": arguments.model.stem if arguments.model else None,
        "size": None if arguments.predictions else f"{height}x{width}",
        "fit": None if arguments.predictions else "stretch",
        "images": len(range(0, len(pictures), arguments.every)), **report(confusion, edges, classes)}
    print(json.dumps(result, indent=2) if arguments.json else printed(result))


if __name__ == "__main__":
    main()

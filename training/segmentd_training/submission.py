"""Cityscapes' submission format: one PNG of label ids, 1024x2048, for each picture of a split.

    python -m segmentd_training.submission --model M.safetensors --root CITYSCAPES --split test --output results

The test split's labels are withheld, so only leftImg8bit is read. Zip the folder for the benchmark's server, or check
val with Cityscapes' own script.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from .classes import CITYSCAPES19, CITYSCAPES_LABEL_IDS
from .evaluate import INPUT, Segmenter, parse_size
from .metrics import nearest
from .pictures import read_picture
from .safetensors_io import load_model


def write(model: Path, root: Path, split: str, output: Path, size: tuple[int, int]) -> int:
    """Writes OUTPUT/CITY_SEQUENCE_FRAME_pred_labelIds.png for every picture; returns how many."""
    network, card = load_model(model)
    if tuple(card.classes) != CITYSCAPES19.names:
        raise ValueError(f"{model} has the classes {', '.join(card.classes)}; a submission needs Cityscapes' nineteen")
    paths = sorted((root / "leftImg8bit" / split).glob("*/*_leftImg8bit.png"))
    if not paths:
        raise ValueError(f"there is no {root}/leftImg8bit/{split}/CITY/*_leftImg8bit.png")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    segment = Segmenter(network, size=size, mean=card.mean, std=card.std, device=device)
    label_ids = np.array(CITYSCAPES_LABEL_IDS, np.uint8)
    output.mkdir(parents=True, exist_ok=True)
    for path in tqdm(paths, disable=not sys.stderr.isatty()):
        picture = read_picture(path)
        classes = nearest(segment(picture), picture.shape[:2])
        name = path.name.removesuffix("_leftImg8bit.png")
        Image.fromarray(label_ids[classes]).save(output / f"{name}_pred_labelIds.png")
    return len(paths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True, help="the folder that holds leftImg8bit")
    parser.add_argument("--split", default="test")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--input", type=parse_size, default=INPUT, metavar="HEIGHTxWIDTH")
    arguments = parser.parse_args()
    try:
        count = write(arguments.model, arguments.root, arguments.split, arguments.output, arguments.input)
    except (ValueError, OSError) as error:
        sys.exit(f"submission: {error}")
    print(f"{count} pictures in {arguments.output}")


if __name__ == "__main__":
    main()

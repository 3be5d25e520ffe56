"""Moves the classifier's biases so that mean IoU on training pictures is highest.

    python -m segmentd_training.calibrate --model M.safetensors --data camvid:DIR --split train --output C.safetensors

Class weights in the loss make rare classes win pixels that they should not: training minimises a weighted loss, what is
judged is the argmax. Eleven numbers undo that. They are found by trying steps for one class after the other on logits
that are computed once. Never calibrate on the split that you measure on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from .evaluate import INPUT, classes_of, normalised, parse_count, parse_size
from .metrics import intersection_over_union
from .network import PyramidShuffleNetV2
from .pictures import LabelledPictures, of_classes, parse_source
from .products import TrainingForward
from .safetensors_io import ModelCard, load_model, save_model

_STEPS = (1.0, 0.5, 0.25, 0.1)


@torch.inference_mode()
def labelled_logits(
    network: PyramidShuffleNetV2, card: ModelCard, pictures: LabelledPictures, size: tuple[int, int], *, every: int,
    stride: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Logits (pixels, classes) and class ids (pixels,) of each `stride`th labelled pixel of each `every`th picture."""
    forward = TrainingForward(network.eval())
    logits: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    for index in range(0, len(pictures), every):
        picture, label = pictures.read(index)
        small = forward(normalised(picture, size, card.mean, card.std))
        full = F.interpolate(small, scale_factor=4, mode="bilinear", align_corners=False)[0]
        rows, columns = (
            torch.from_numpy(((np.arange(0, n, stride) + 0.5) * m / n).astype(np.int64)) for n, m in zip(label.shape, size))
        sampled = full[:, rows][:, :, columns].flatten(1).T.numpy()
        ids = label[::stride, ::stride].ravel()
        valid = ids < len(card.classes)
        logits.append(sampled[valid])
        labels.append(ids[valid])
    return np.concatenate(logits), np.concatenate(labels)


def mean_iou(logits: np.ndarray, labels: np.ndarray, biases: np.ndarray) -> float:
    classes = logits.shape[1]
    prediction = (logits + biases).argmax(axis=1)
    matrix = np.bincount(labels.astype(np.int64) * classes + prediction, minlength=classes**2).reshape(classes, classes)
    return float(np.nanmean(intersection_over_union(matrix)))


def best_biases(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Biases to add, and the mean IoU without and with them."""
    biases = np.zeros(logits.shape[1], np.float32)
    before = best = mean_iou(logits, labels, biases)
    for step in _STEPS:
        improved = True
        while improved:
            improved = False
            for index in range(len(biases)):
                for direction in (step, -step):
                    tried = biases.copy()
                    tried[index] += direction
                    if (found := mean_iou(logits, labels, tried)) > best:
                        biases, best, improved = tried, found, True
    return biases, before, best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", required=True, help="camvid:ROOT, cityscapes:ROOT, folder:IMAGES:LABELS, …")
    parser.add_argument("--split", default="train")
    parser.add_argument("--input", type=parse_size, default=INPUT, metavar="HEIGHTxWIDTH")
    parser.add_argument("--every", type=parse_count, default=4, help="only each n-th picture")
    parser.add_argument("--stride", type=parse_count, default=4, help="and each n-th pixel of a row and of a column")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        network, card = load_model(arguments.model)
        classes = classes_of(card)
        pictures = of_classes(parse_source(arguments.data, arguments.split, classes)[0], classes)
        logits, labels = labelled_logits(
            network, card, pictures, arguments.input, every=arguments.every, stride=arguments.stride)
        biases, before, after = best_biases(logits, labels)
        with torch.no_grad():
            network.classifier.bias += torch.from_numpy(biases)
        save_model(arguments.output, network, card)
    except (ValueError, OSError) as error:
        sys.exit(f"calibrate: {error}")
    print(f"mean IoU on {pictures.name}: {100 * before:.2f} before, {100 * after:.2f} after")
    print("biases: " + ", ".join(f"{n} {b:+.2f}" for n, b in zip(card.classes, biases)))


if __name__ == "__main__":
    main()

"""Data sets of a few tiny pictures in the layouts of the real ones, for the tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def street(seed: int, height: int = 48, width: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """A picture that can be learned, (H, W, 3), and its regions 0 sky, 1 building, 3 road, 8 car, 11 void."""
    draw = np.random.default_rng(seed)
    label = np.zeros((height, width), np.uint8)
    label[height // 3 : 2 * height // 3] = 1
    label[2 * height // 3 :] = 3
    left = int(draw.integers(0, width - 12))
    label[2 * height // 3 - 4 : 2 * height // 3 + 4, left : left + 12] = 8
    label[-2:] = 11
    colours = np.zeros((12, 3), np.int16)
    colours[[0, 1, 3, 8, 11]] = (200, 220, 255), (150, 90, 60), (90, 90, 95), (200, 20, 20), (0, 0, 0)
    noise = draw.integers(-12, 13, (height, width, 3))
    return (colours[label] + noise).clip(0, 255).astype(np.uint8), label


def camvid(root: Path, count: int = 6, splits: tuple[str, ...] = ("train", "val")) -> Path:
    for number, split in enumerate(splits):
        (root / split).mkdir(parents=True)
        (root / f"{split}annot").mkdir()
        for i in range(count):
            picture, label = street(100 * number + i)
            Image.fromarray(picture).save(root / split / f"{i:03}.png")
            Image.fromarray(label).save(root / f"{split}annot" / f"{i:03}.png")
    return root


def cityscapes(root: Path, split: str = "train", cities: tuple[str, ...] = ("aachen", "bochum")) -> Path:
    """Two pictures for each city; `street`'s regions under Cityscapes' own label ids."""
    ids = np.zeros(256, np.uint8)
    ids[[0, 1, 3, 8, 11]] = 23, 11, 7, 26, 3  # sky, building, road, car, out of roi
    for city in cities:
        images, labels = root / "leftImg8bit" / split / city, root / "gtFine" / split / city
        images.mkdir(parents=True)
        labels.mkdir(parents=True)
        for i in range(2):
            picture, label = street(len(city) + i)
            stem = f"{city}_{i:06}_000019"
            Image.fromarray(picture).save(images / f"{stem}_leftImg8bit.png")
            Image.fromarray(ids[label]).save(labels / f"{stem}_gtFine_labelIds.png")
            Image.fromarray(ids[label]).save(labels / f"{stem}_gtFine_instanceIds.png")
    return root

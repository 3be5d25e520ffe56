"""Random crops of labelled pictures: geometry in one warp, parts of other pictures, then light and colour.

Everything is drawn from the generator that is passed in, so a sample is a function of its number alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .classes import IGNORED

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Augmentation:
    """What is drawn at random. The defaults are the paper's: resize, crop, flip."""

    crop: tuple[int, int]  #: height and width of what the network sees
    #: The factors to resize by: one of these, or with `continuous` any between the first and the last.
    scales: tuple[float, ...] = (0.75, 1.0, 1.5, 1.75, 2.0)
    continuous: bool = False
    #: The picture height that the scales refer to; others are brought to it first. 0: each picture's own.
    reference_height: int = 0
    aspect: float = 0.0  #: log of the largest stretch of width against height
    rotation: float = 0.0  #: standard deviation, degrees
    light: float = 0.0  #: 0 for none, 1 for strong changes of gamma, brightness, contrast, saturation and tint
    blur: float = 0.0  #: the share of samples that are blurred, and of those that get noise
    #: How often the best of four windows is taken, by the classes in it that are wanted.
    biased: float = 0.0
    #: The share of samples that get the wanted classes' pixels of another picture laid over them (copy and paste).
    paste: float = 0.0
    #: The share of samples that get half of another picture's classes, drawn at random, laid over them (ClassMix).
    mix: float = 0.0
    #: Labels are drawn at 1 / this of the crop's size.
    label_stride: int = 1


@dataclass(frozen=True)
class Donor:
    """Another picture (H, W, 3) with its label (H, W), and which of the 256 label values are taken from it."""

    picture: np.ndarray
    label: np.ndarray
    taken: np.ndarray


def _windows(
    size: tuple[int, int], window: tuple[float, float], count: int, generator: np.random.Generator
) -> list[tuple[float, float]]:
    """Centres (x, y) of windows that lie inside the picture, or in its middle where they are larger."""
    (height, width), (h, w) = size, window
    return [
        (generator.uniform(min(w / 2, width / 2), max(width - w / 2, width / 2)),
         generator.uniform(min(h / 2, height / 2), max(height - h / 2, height / 2)))
        for _ in range(count)]


def _content(label: np.ndarray, centre: tuple[float, float], window: tuple[float, float], wanted: np.ndarray) -> float:
    (x, y), (h, w) = centre, window
    rows = slice(int(max(y - h / 2, 0)), int(max(y + h / 2, 1)), 2)
    columns = slice(int(max(x - w / 2, 0)), int(max(x + w / 2, 1)), 2)
    return float(wanted[label[rows, columns]].mean())


def augment(
    picture: np.ndarray, label: np.ndarray, plan: Augmentation, wanted: np.ndarray, generator: np.random.Generator,
    donors: Sequence[Donor] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """A crop of `picture` (H, W, 3) and `label` (H, W), uint8, as float32 RGB in 0...1 and uint8 class ids.

    `wanted` holds for each of the 256 label values how much windows with it are sought (`Augmentation.biased`). Crops of
    `donors` are laid over it, one after the other.
    What lies outside the picture is its reflection, and `IGNORED` in the label.
    """
    crop, ids = warp(picture, label, plan, wanted, generator)
    for donor in donors:
        other, other_ids = warp(donor.picture, donor.label, plan, wanted, generator)
        taken = donor.taken[other_ids]
        ids = np.where(taken, other_ids, ids)
        stride = plan.label_stride
        taken = taken.repeat(stride, axis=0).repeat(stride, axis=1)
        crop = np.where(taken[..., None], other, crop)
    return relight(crop.astype(np.float32) / 255, plan, generator), ids


def warp(
    picture: np.ndarray, label: np.ndarray, plan: Augmentation, wanted: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The geometry of `augment`: a crop as uint8 RGB, and its class ids."""
    height, width = label.shape
    rows, columns = plan.crop
    if plan.continuous:
        scale = np.exp(generator.uniform(np.log(plan.scales[0]), np.log(plan.scales[-1])))
    else:
        scale = generator.choice(plan.scales)
    if plan.reference_height:
        scale *= plan.reference_height / height
    stretch = np.exp(generator.uniform(-plan.aspect, plan.aspect) / 2)
    scale_x, scale_y = scale * stretch, scale / stretch
    angle = np.deg2rad(generator.normal(0, plan.rotation)) if plan.rotation else 0.0
    mirror = -1.0 if generator.random() < 0.5 else 1.0

    window = (rows / scale_y, columns / scale_x)
    candidates = _windows((height, width), window, 4 if generator.random() < plan.biased else 1, generator)
    x, y = max(candidates, key=lambda c: _content(label, c, window, wanted)) if len(candidates) > 1 else candidates[0]

    cosine, sine = np.cos(angle), np.sin(angle)
    linear = np.array([[cosine * mirror / scale_x, -sine / scale_x], [sine * mirror / scale_y, cosine / scale_y]])

    def matrix(stride: int) -> np.ndarray:
        """From a pixel of the output at 1 / stride to a pixel of the source, centre to centre."""
        offset = linear @ (np.full(2, stride / 2) - np.array([columns / 2, rows / 2])) + (x - 0.5, y - 0.5)
        return np.concatenate([linear * stride, offset[:, None]], axis=1)

    warped = cv2.warpAffine(
        picture, matrix(1), (columns, rows), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101)
    ids = cv2.warpAffine(
        label, matrix(plan.label_stride), (columns // plan.label_stride, rows // plan.label_stride),
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT, borderValue=IGNORED)
    return warped, ids


def relight(picture: np.ndarray, plan: Augmentation, generator: np.random.Generator) -> np.ndarray:
    """Gamma, brightness, contrast, saturation, tint; then blur or noise. RGB in 0...1, in and out."""
    strength = plan.light
    if strength and generator.random() < 0.8:
        picture = np.power(picture, np.exp(strength * generator.uniform(-0.45, 0.45)), dtype=np.float32)
        picture *= np.float32(np.exp(strength * generator.uniform(-0.5, 0.35)))
        mean = picture.mean()
        picture = (picture - mean) * np.float32(np.exp(strength * generator.uniform(-0.4, 0.35))) + mean
        grey = (picture @ _LUMA)[..., None]
        picture = grey + (picture - grey) * np.float32(np.exp(strength * generator.uniform(-0.7, 0.4)))
        picture *= np.exp(strength * generator.uniform(-0.12, 0.12, 3)).astype(np.float32)
    if plan.blur:
        drawn = generator.random()
        if drawn < plan.blur:
            picture = cv2.GaussianBlur(picture, (0, 0), generator.uniform(0.5, 1.8))
        elif drawn < 2 * plan.blur:
            noise = generator.standard_normal(picture.shape, dtype=np.float32)
            picture = picture + noise * np.float32(generator.uniform(0.005, 0.04))
    return np.clip(picture, 0, 1)

"""Crops: a picture and its label stay together through every change, and what is pasted comes with its label."""

from __future__ import annotations

import numpy as np
import pytest

from segmentd_training.augmentation import Augmentation, Donor, augment
from segmentd_training.classes import IGNORED

SIZE = (96, 128)
NOTHING = np.zeros(256, np.float32)


def blocks(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Classes 0...5 in blocks of 16x16 pixels, each class painted in a grey of its own: 40 times its number."""
    ids = np.random.default_rng(seed).integers(0, 6, (6, 8)).astype(np.uint8).repeat(16, axis=0).repeat(16, axis=1)
    return (ids[..., None] * 40).repeat(3, axis=2).astype(np.uint8), ids


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_the_label_follows_the_picture_through_scale_stretch_rotation_and_mirror(stride: int) -> None:
    plan = Augmentation(
        crop=(128, 160), scales=(0.8, 2.0), continuous=True, reference_height=SIZE[0], aspect=0.3, rotation=5,
        label_stride=stride)
    picture, label = blocks(1)
    for number in range(40):
        crop, ids = augment(picture, label, plan, NOTHING, np.random.default_rng(number))
        assert crop.shape == (128, 160, 3) and ids.shape == (128 // stride, 160 // stride)
        painted = crop[stride // 2 :: stride, stride // 2 :: stride, 0] * 255 / 40
        inside = (ids != IGNORED) & (np.abs(painted - painted.round()) < 0.02)  # not where two greys are mixed
        assert inside.mean() > 0.3
        assert (painted.round()[inside] == ids[inside]).mean() > 0.97


def taking(*values: int) -> np.ndarray:
    return np.isin(np.arange(256), values)


def test_what_is_taken_of_a_donor_lies_over_the_picture_with_its_labels() -> None:
    plan = Augmentation(crop=SIZE, scales=(1.0,))
    (picture, label), donor = blocks(1), blocks(2)
    for number in range(10):
        plain, plain_ids = augment(picture, label, plan, NOTHING, np.random.default_rng(number))
        crop, ids = augment(picture, label, plan, NOTHING, np.random.default_rng(number), [Donor(*donor, taking(2, 4))])
        changed = ids != plain_ids
        assert changed.any() and set(np.unique(ids[changed])) <= {2, 4}
        taken = np.isin(donor[1], (2, 4))
        assert np.isin(ids, (2, 4)).sum() >= taken.sum()
        assert np.array_equal(crop[~changed], plain[~changed])
        assert np.allclose(crop[changed][:, 0] * 255, ids[changed] * 40.0, atol=1e-3)


@pytest.mark.parametrize("stride", [2, 4])
def test_pasted_pixels_and_labels_cover_the_same_places_at_every_label_stride(stride: int) -> None:
    plan = Augmentation(crop=SIZE, scales=(1.0,), label_stride=stride)
    black = (np.zeros((*SIZE, 3), np.uint8), np.zeros(SIZE, np.uint8))
    crop, ids = augment(*black, plan, NOTHING, np.random.default_rng(0), [Donor(*blocks(3), taking(*range(1, 6)))])
    assert np.array_equal(crop[..., 0] > 0, (ids > 0).repeat(stride, axis=0).repeat(stride, axis=1))


def test_a_later_donor_lies_over_an_earlier_one() -> None:
    plan = Augmentation(crop=SIZE, scales=(1.0,))
    black = (np.zeros((*SIZE, 3), np.uint8), np.zeros(SIZE, np.uint8))
    whole = [(np.full((*SIZE, 3), 40 * n, np.uint8), np.full(SIZE, n, np.uint8)) for n in (1, 2)]
    _, ids = augment(*black, plan, NOTHING, np.random.default_rng(0), [Donor(*w, taking(1, 2)) for w in whole])
    assert (ids == 2).all()


def test_a_sample_is_a_function_of_its_generator_alone() -> None:
    plan = Augmentation(crop=(64, 64), rotation=3, light=1, blur=0.5, biased=0.5)
    wanted = NOTHING.copy()
    wanted[3] = 1
    first, again, other = (
        augment(*blocks(1), plan, wanted, np.random.default_rng(seed), [Donor(*blocks(2), taking(3))])
        for seed in (7, 7, 8))
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])

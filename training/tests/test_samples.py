"""The stream of samples: each source by its share, each of its pictures once a turn, all from the number alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from segmentd_training.augmentation import Augmentation
from segmentd_training.classes import IGNORED, STREET11
from segmentd_training.pictures import LabelledPictures, Picture
from segmentd_training.samples import Mixture, Samples


def samples(counts: Sequence[int], shares: Sequence[float]) -> Samples:
    def source(count: int) -> LabelledPictures:
        picture = Picture("made", lambda: np.zeros((8, 8, 3), np.uint8), Path("made.png"))
        return LabelledPictures(f"{count} pictures", STREET11, [picture] * count, {})

    mixture = Mixture([source(c) for c in counts], shares)
    return Samples(
        mixture, Augmentation(crop=(16, 16)), seed=3, mean=(0, 0, 0), std=(1, 1, 1), wanted=np.zeros(256, np.float32))


def test_one_source_is_gone_through_picture_by_picture() -> None:
    stream = samples([7], [1.0])
    turns = [[stream.origin(7 * turn + i)[1] for i in range(7)] for turn in range(300)]
    assert all(sorted(turn) == list(range(7)) for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 100  # in an order of its own each time


def test_each_source_of_a_mixture_has_its_share_and_each_of_its_pictures_once_a_turn() -> None:
    counts, shares = (5, 40, 11, 3), (0.9, 0.0934, 0.006, 0.0006)
    stream = samples(counts, shares)
    seen: list[list[int]] = [[] for _ in counts]
    for number in range(5000):
        source, picture = stream.origin(number)
        seen[source].append(picture)
    assert [len(s) for s in seen] == [4500, 467, 30, 3]
    for count, pictures in zip(counts, seen):
        for first in range(0, len(pictures) - count + 1, count):
            assert sorted(pictures[first : first + count]) == list(range(count))


def test_a_sample_s_origin_depends_on_its_number_alone() -> None:
    whole = [samples([5, 4], [0.7, 0.3]).origin(n) for n in range(990, 1010)]
    resumed = samples([5, 4], [0.7, 0.3])
    assert [resumed.origin(n) for n in range(1000, 1010)] == whole[10:]
    assert len(Counter(s for s, _ in whole)) == 2


def halves(folder: Path, grey: int, left: int, right: int) -> LabelledPictures:
    """One picture, all of one grey, with a class on its left and one on its right."""
    label = np.full((32, 32), right, np.uint8)
    label[:, :16] = left
    path = folder / f"{grey}.png"
    assert cv2.imwrite(str(path), label)
    picture = Picture(path.name, lambda: np.full((32, 32, 3), grey, np.uint8), path)
    return LabelledPictures(path.name, STREET11, [picture], {n: n for n in (*range(11), IGNORED)})


def test_a_share_of_the_samples_has_the_wanted_classes_of_a_picture_of_the_first_source(tmp_path: Path) -> None:
    wanted = np.zeros(256, np.float32)
    wanted[10] = 1
    stream = Samples(
        Mixture([halves(tmp_path, 200, 10, 1), halves(tmp_path, 50, 1, 1)], [0.5, 0.5]),
        Augmentation(crop=(32, 32), scales=(1.0,), paste=0.5), seed=3, mean=(0, 0, 0), std=(1, 1, 1), wanted=wanted)
    of_second = [n for n in range(400) if stream.origin(n)[0] == 1]
    pasted = [n for n in of_second if (stream[n][1] == 10).any()]
    assert 0.4 < len(pasted) / len(of_second) < 0.6
    image, label = stream[pasted[0]]
    greys = (image[0] * 255).round()
    assert greys[label == 10].unique().tolist() == [200]
    assert greys[label == 1].unique().tolist() == [50]


def test_a_share_of_the_samples_has_half_of_the_classes_of_any_picture(tmp_path: Path) -> None:
    stream = Samples(
        Mixture([halves(tmp_path, 200, 2, 3), halves(tmp_path, 50, 4, IGNORED)], [0.5, 0.5]),
        Augmentation(crop=(32, 32), scales=(1.0,), mix=0.8), seed=3, mean=(0, 0, 0), std=(1, 1, 1),
        wanted=np.zeros(256, np.float32))
    grey_of = {2: 200, 3: 200, 4: 50, IGNORED: 50}
    added = {0: Counter[tuple[int, ...]](), 1: Counter[tuple[int, ...]]()}
    for number in range(600):
        image, label = stream[number]
        greys = (image[0] * 255).round()
        for value in label.unique().tolist():
            assert greys[label == value].unique().tolist() == [grey_of[value]]  # a class comes with its pixels
        source = stream.origin(number)[0]
        added[source][tuple(v for v in label.unique().tolist() if v not in ((2, 3), (4, IGNORED))[source])] += 1
    # 0.8 of the samples have a donor, half of these another source's: each of its classes in half of the cases.
    first, second = (sum(counts.values()) for counts in added.values())
    assert added[0].keys() == {(), (4,)}  # what has no class is not taken
    assert 0.14 < added[0][4,] / first < 0.26
    assert added[1].keys() == {(), (2,), (3,), (2, 3)}
    assert all(0.06 < added[1][key] / second < 0.15 for key in ((2,), (3,), (2, 3)))

"""The stream of training samples: sample number n is always the same crop, so data order survives a restart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from .augmentation import Augmentation, Donor, augment
from .classes import IGNORED, ClassSet
from .pictures import LabelledPictures


class Cache:
    """Decoded pictures, kept as long as they fit into `limit` bytes; the rest is decoded each time."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._kept: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}

    def read(self, source: int, pictures: LabelledPictures, index: int) -> tuple[np.ndarray, np.ndarray]:
        if (found := self._kept.get((source, index))) is not None:
            return found
        pair = pictures.read(index)
        size = pair[0].nbytes + pair[1].nbytes
        if size <= self._left:
            self._left -= size
            self._kept[source, index] = pair
        return pair


@dataclass(frozen=True)
class Mixture:
    """Several sets of labelled pictures of the same classes, each with its share of the samples."""

    sources: Sequence[LabelledPictures]
    shares: Sequence[float]

    def __post_init__(self) -> None:
        first = self.sources[0]
        for source in self.sources[1:]:
            if source.classes != first.classes:
                raise ValueError(
                    f"{source.name} has the classes {', '.join(source.classes.names)}, but {first.name} has "
                    f"{', '.join(first.classes.names)}: only sets of the same classes can be mixed")

    @property
    def classes(self) -> ClassSet:
        return self.sources[0].classes

    def frequencies(self, most: int = 400) -> np.ndarray:
        """The share of each class among the labelled pixels of the first source (of `most` pictures spread over it)."""
        source = self.sources[0]
        counts = np.zeros(256, np.int64)
        for index in np.unique(np.linspace(0, len(source) - 1, min(most, len(source))).astype(int)):
            counts += np.bincount(source.read_ids(int(index)).ravel(), minlength=256)
        counted = counts[: len(self.classes)]
        if not counted.sum():
            raise ValueError(f"{source.name} has no labelled pixel")
        return counted / counted.sum()


#: In each run of this many numbers the sources have their shares exactly, but for fractions that later runs make up.
_BLOCK = 1000


class Samples(Dataset[tuple[Tensor, Tensor]]):
    """Sample number -> image (3, h, w), normalised float32, and class ids (h / stride, w / stride), uint8."""

    def __init__(
        self, mixture: Mixture, plan: Augmentation, *, seed: int, mean: Sequence[float], std: Sequence[float],
        wanted: np.ndarray, cache_bytes: int = 4 << 30,
    ) -> None:
        self.mixture, self.plan, self.seed, self.wanted = mixture, plan, seed, wanted
        shares = np.asarray(mixture.shares, np.float64)
        self._shares = shares / shares.sum()
        self._mean, self._std = np.asarray(mean, np.float32), np.asarray(std, np.float32)
        self._cache = Cache(cache_bytes)

    def origin(self, number: int) -> tuple[int, int]:
        """Which source, and which of its pictures.

        Numbers come in blocks, each with every source's share in an order drawn for the block. So how many samples of a
        source came before is known from the number alone, and each source is gone through picture by picture, in an
        order drawn for each turn: every picture once a turn.
        """
        block, place = divmod(number, _BLOCK)
        before, after = self._counts(block), self._counts(block + 1)
        order = np.random.default_rng((self.seed, block)).permutation(np.repeat(np.arange(len(before)), after - before))
        source = int(order[place])
        earlier = int(before[source] + np.count_nonzero(order[:place] == source))
        count = len(self.mixture.sources[source])
        turn, picture = divmod(earlier, count)
        return source, int(np.random.default_rng((self.seed, source, turn)).permutation(count)[picture])

    def _counts(self, blocks: int) -> np.ndarray:
        """How many samples of each source the first `blocks` blocks hold; the largest takes what the others leave."""
        counts = np.floor(self._shares * (_BLOCK * blocks) + 1e-6).astype(np.int64)
        largest = int(self._shares.argmax())
        counts[largest] += _BLOCK * blocks - counts.sum()
        return counts

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        source, index = self.origin(number)
        pixels, ids = self._cache.read(source, self.mixture.sources[source], index)
        generator = np.random.default_rng((self.seed, number, 1))
        picture, label = augment(pixels, ids, self.plan, self.wanted, generator, self._donors(generator))
        image = np.ascontiguousarray(((picture - self._mean) / self._std).transpose(2, 0, 1), np.float32)
        return torch.from_numpy(image), torch.from_numpy(label)

    def _donors(self, generator: np.random.Generator) -> list[Donor]:
        """Whose parts are laid over a sample, things last: for `mix` any picture, for `paste` one of the first source,
        whose classes the wanted ones are.
        """
        donors: list[Donor] = []
        if self.plan.mix and generator.random() < self.plan.mix:
            source, index = self.origin(int(generator.integers(_BLOCK)))
            taken = generator.random(256) < 0.5
            taken[IGNORED] = False
            donors.append(Donor(*self._cache.read(source, self.mixture.sources[source], index), taken))
        if self.plan.paste and generator.random() < self.plan.paste:
            pictures = self.mixture.sources[0]
            pair = self._cache.read(0, pictures, int(generator.integers(len(pictures))))
            donors.append(Donor(*pair, self.wanted > 0))
        return donors


class NumberSampler(Sampler[list[int]]):
    """The sample numbers of each step's batch for one process of several."""

    def __init__(self, *, first_step: int, steps: int, batch: int, rank: int, processes: int) -> None:
        if batch % processes:
            raise ValueError(f"a batch of {batch} cannot be divided among {processes} processes")
        self._steps = range(first_step, steps)
        self._batch, self._share, self._rank = batch, batch // processes, rank

    def __iter__(self) -> Iterator[list[int]]:
        for step in self._steps:
            first = step * self._batch + self._rank * self._share
            yield list(range(first, first + self._share))

    def __len__(self) -> int:
        return len(self._steps)


def wanted_weights(frequencies: np.ndarray, rare: float = 0.015) -> np.ndarray:
    """For `Augmentation.biased`: 1 for the classes that have less than `rare` of the pixels, 0 for all else."""
    weights = np.zeros(256, np.float32)
    weights[: len(frequencies)] = frequencies < rare
    weights[IGNORED] = 0
    return weights

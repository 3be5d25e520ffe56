"""Weights by formula: the same numbers, bit for bit, here and in segmentd's Swift tests, so goldens store none.

Element i of the tensor `name` draws u in [0, 1) with 24 bits from SplitMix64 seeded with FNV-1a 64 of the name.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .network import PyramidShuffleNetV2
from .safetensors_io import tensors_of

_GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)


def fnv1a64(text: str) -> int:
    """FNV-1a, 64 bit, of the UTF-8 bytes."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def uniform(name: str, count: int) -> np.ndarray:
    """`count` doubles in [0, 1), multiples of 2^-24."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a64(name)) + np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN_RATIO
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2**24


def values(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The tensor `name` as float32: computed in double, rounded once."""
    u = uniform(name, int(np.prod(shape)))
    if name.endswith(".bn.weight"):
        x = 0.75 + 0.5 * u
    elif name.endswith((".bn.bias", ".bn.running_mean")):
        x = (2 * u - 1) * 0.2
    elif name.endswith(".bn.running_var"):
        x = 0.5 + u
    elif name == "classifier.bias":
        x = (2 * u - 1) * 0.1
    elif len(shape) == 4:
        x = (2 * u - 1) * np.sqrt(6 / (shape[1] * shape[2] * shape[3]))
    else:
        raise ValueError(f"no formula for the tensor {name} of shape {shape}")
    return x.astype(np.float32).reshape(shape)


def tensors(network: PyramidShuffleNetV2) -> dict[str, Tensor]:
    """Every tensor of the network's model file by formula."""
    return {name: torch.from_numpy(values(name, tuple(t.shape))) for name, t in tensors_of(network).items()}

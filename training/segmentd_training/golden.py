"""Writes the golden activations of segmentd's own tests: `python -m segmentd_training.golden`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from . import formula
from .network import CONFIGURATIONS, Configuration, PyramidShuffleNetV2
from .safetensors_io import MEAN, STD, load_model, load_tensors, save_tensors

_ROOT = Path(__file__).resolve().parents[2]
_CLASSES = 5

#: Height and width. The long thin ones make stage3's map 1x28 and 10x1, so that the vortex's dilations of 27 and 9
#: reach over the border with some taps and not with others, at a size that a repository can hold.
_SIZES = {"plain": (32, 48), "pyramid": (48, 32), "full": (160, 16), "efficient": (16, 448), "street11": (48, 64)}


def image(name: str, height: int, width: int, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """(1, 3, height, width), normalised: slow waves under noise, rounded to eight bits first as a camera would."""
    noise = formula.uniform(f"{name}.image", 3 * height * width).reshape(3, height, width)
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / (9 + 4 * c) + c) * np.cos(y / (7 + 3 * c)) for c in range(3)]
    pixels = np.floor((0.5 + 0.35 * np.stack(waves) + 0.3 * (noise - 0.5)).clip(0, 1) * 255 + 0.5)
    shape = (3, 1, 1)
    normalised = (pixels / 255 - np.reshape(mean, shape)) / np.reshape(std, shape)
    return torch.from_numpy(normalised.astype(np.float32))[None]


def name_of(configuration: Configuration) -> str:
    """The name of a row of Table IV."""
    return next(name for name, found in CONFIGURATIONS.items() if found == configuration)


def write(path: Path, network: PyramidShuffleNetV2, picture: Tensor, metadata: dict[str, str]) -> None:
    """Computes in double precision and stores float32, so that the file itself is right to the last bit or two."""
    network = network.double().eval()
    with torch.inference_mode():
        activations = network.activations(picture.double())
    stored = {"image": picture, **{k: v.float().contiguous() for k, v in activations.items()}}
    save_tensors(path, stored, metadata)
    print(f"{path.name}: {tuple(picture.shape)}, {path.stat().st_size / 1024:.0f} KiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=_ROOT / "Tests/NetworksTests/Golden")
    parser.add_argument("--model", type=Path, default=_ROOT / "Sources/Networks/Resources/models/street11.safetensors")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # the same sums in the same order: the same files, byte for byte, each time
    torch.use_deterministic_algorithms(True)
    arguments.output.mkdir(parents=True, exist_ok=True)

    for name, configuration in CONFIGURATIONS.items():
        network = PyramidShuffleNetV2(_CLASSES, configuration)
        load_tensors(network, formula.tensors(network))
        write(
            arguments.output / f"{name}.activations.safetensors", network, image(name, *_SIZES[name], MEAN, STD),
            {"configuration": name, "classes": str(_CLASSES), "weights": "formula"})

    network, card = load_model(arguments.model)
    write(
        arguments.output / "street11.activations.safetensors", network,
        image("street11", *_SIZES["street11"], card.mean, card.std),
        {"configuration": "efficient", "classes": str(len(card.classes)), "weights": arguments.model.name})


if __name__ == "__main__":
    main()

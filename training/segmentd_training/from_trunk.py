"""Starts a network from a ShuffleNetV2 1.0x trunk with its batch normalisation folded away, such as NanoDet-m's.

    python -m segmentd_training.from_trunk --trunk shufflenetv2_1.0x_nanodet_m_bnfolded_ir320.npz \\
        --data camvid:DIR --output start.safetensors

The trunk's weights have torchvision's names and take BGR. Each of our batch norms is given the mean and the deviation of
its input over one batch, in the order of the graph, and scale and shift that undo them: so the start computes what the
trunk computed (with ReLU, where the trunk was trained with a slope of 0.1 below zero), and training can go on from there.
Vortex Pooling, head and classifier start from random weights.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .augmentation import Augmentation
from .classes import CLASS_SETS
from .evaluate import parse_count
from .network import CONFIGURATIONS, ConvBN, PyramidShuffleNetV2, Unit
from .pictures import LabelledPictures, parse_source
from .safetensors_io import ModelCard, save_model
from .samples import Mixture, Samples

#: Our stages by the trunk's.
_STAGES = {"stage1": "stage2", "stage2": "stage3", "stage3": "stage4"}


def sources(network: PyramidShuffleNetV2) -> dict[str, str]:
    """Our ConvBN -> the trunk's convolution, in the order of the graph."""
    found = {"stem": "conv1.0"}
    for ours, theirs in _STAGES.items():
        for i, unit in enumerate(getattr(network, ours)):
            here, there = f"{ours}.{i}", f"{theirs}.{i}"
            if unit.downsamples:
                found[f"{here}.shortcut.depthwise"] = f"{there}.branch1.0"
                found[f"{here}.shortcut.pointwise"] = f"{there}.branch1.2"
            found[f"{here}.reduce"] = f"{there}.branch2.0"
            found[f"{here}.pyramid.0"] = f"{there}.branch2.3"
            found[f"{here}.fuse"] = f"{there}.branch2.5"
    return found


def read_trunk(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path) as weights:
            return dict(weights)
    except FileNotFoundError as error:
        raise ValueError(f"there is no trunk {path}") from error
    except (OSError, ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"cannot read the trunk {path}, expected an .npz: {error}") from error


def write_start(
    path: Path, trunk: Path, pictures: LabelledPictures, configuration: str, *, seed: int, batch: int = 8
) -> None:
    """Writes the model file that a run of this configuration and seed starts with."""
    weights = read_trunk(trunk)
    plan = Augmentation(crop=(384, 512), scales=(1.0,), reference_height=384)
    classes = pictures.classes
    card = ModelCard(
        CONFIGURATIONS[configuration], list(classes.names), list(classes.palette), categories=list(classes.categories),
        trained_on=f"nothing yet; trunk {trunk.name}")
    samples = Samples(
        Mixture([pictures], [1.0]), plan, seed=seed, mean=card.mean, std=card.std, wanted=np.zeros(256, np.float32))
    torch.manual_seed(seed)
    network = PyramidShuffleNetV2(len(classes), card.configuration)
    start_from_trunk(network, weights, torch.stack([samples[n][0] for n in range(batch)]))
    save_model(path, network, card, half=False)


def start_from_trunk(network: PyramidShuffleNetV2, trunk: dict[str, np.ndarray], batch: Tensor) -> None:
    """Puts the trunk's weights into `network` and calibrates its batch norms on `batch`, (N, 3, H, W) normalised.

    `fuse` sees one block of channels for each kernel of the pyramid: the trunk's weight fills the first, the others begin
    at zero, so every configuration starts as what the trunk computed.
    """
    modules = dict(network.named_modules())
    biases: dict[str, Tensor] = {}
    for ours, theirs in sources(network).items():
        for part in ("weight", "bias"):
            if f"{theirs}.{part}" not in trunk:
                raise ValueError(f"the trunk has no {theirs}.{part}: expected ShuffleNetV2 1.0x with torchvision's names")
        weight = torch.from_numpy(np.array(trunk[f"{theirs}.weight"], np.float32))
        own = modules[ours].conv.weight
        if ours == "stem":
            weight = weight.flip(1)  # BGR to RGB
        if own.shape[1] > weight.shape[1]:
            wider = torch.zeros_like(own)
            wider[:, : weight.shape[1]] = weight
            weight = wider
        if weight.shape != own.shape:
            raise ValueError(f"the trunk's {theirs}.weight has the shape {tuple(weight.shape)}, {ours} {tuple(own.shape)}")
        own.data.copy_(weight)
        biases[ours] = torch.from_numpy(np.array(trunk[f"{theirs}.bias"], np.float32))
    _calibrate(network, biases, batch)


def _first_of_pyramid(name: str) -> str | None:
    """The first kernel of the pyramid that the module `name` belongs to; None for any other."""
    unit, found, _ = name.partition(".pyramid.")
    return f"{unit}.pyramid.0" if found else None


def _calibrate(network: PyramidShuffleNetV2, biases: dict[str, Tensor], batch: Tensor) -> None:
    """One pass in evaluation mode: before each batch norm runs, it learns what it is about to see."""
    modules = dict(network.named_modules())
    names = {module: name for name, module in modules.items()}
    hooks = []

    def prepare(name: str, norm: nn.BatchNorm2d, x: Tensor) -> None:
        mean = x.mean((0, 2, 3))
        variance = x.var((0, 2, 3), unbiased=False) if x.numel() > x.shape[1] else torch.ones_like(mean)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        if name in biases:
            norm.weight.data.copy_((norm.running_var + norm.eps).sqrt())
            norm.bias.data.copy_(mean + biases[name])
        elif (first := _first_of_pyramid(name)) is not None:
            # As strong as the kernel that the trunk has: with a deviation of 1 they would drown it within a few steps.
            norm.weight.data.copy_(modules[first].bn.weight)

    for module in network.modules():
        if isinstance(module, ConvBN):
            hook = lambda norm, inputs, name=names[module]: prepare(name, norm, inputs[0])  # noqa: E731
            hooks.append(module.bn.register_forward_pre_hook(hook))
    was_training = network.training
    network.eval()
    with torch.no_grad():
        network(batch)
    network.train(was_training)
    for hook in hooks:
        hook.remove()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trunk", type=Path, required=True, help="an .npz of weights and biases")
    parser.add_argument("--data", required=True, help="where the batch comes from: camvid:ROOT, cityscapes:ROOT, …")
    parser.add_argument("--classes", choices=CLASS_SETS, default="street11", help="of folder: and drive: data")
    parser.add_argument("--configuration", choices=CONFIGURATIONS, default="efficient")
    parser.add_argument("--batch", type=parse_count, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        pictures, _ = parse_source(arguments.data, "train", CLASS_SETS[arguments.classes])
        write_start(
            arguments.output, arguments.trunk, pictures, arguments.configuration, seed=arguments.seed,
            batch=arguments.batch)
    except (ValueError, OSError) as error:
        sys.exit(f"from_trunk: {error}")


if __name__ == "__main__":
    main()

"""Turns a checkpoint into what others run: a model file, ONNX, and golden activations to hold an engine to.

    python -m segmentd_training.export --from runs/street/best.pt --like M.safetensors --output street.safetensors
    python -m segmentd_training.export --from M.safetensors --onnx M.onnx --golden M.activations.safetensors

`--from` takes a checkpoint (its averaged weights) or a model file; of several, late checkpoints of one run, it takes the
mean of their weights, which often is better than each. A checkpoint's classes and normalisation come from
`--like` or `--classes`; `--trained-on` and `--license` replace what the model file says of itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from . import golden
from .checkpoint import averaged_network
from .classes import CLASS_SETS
from .evaluate import INPUT, parse_size
from .network import PyramidShuffleNetV2
from .safetensors_io import ModelCard, load_model, save_model


def read(path: Path, like: Path | None, classes: str) -> tuple[PyramidShuffleNetV2, ModelCard]:
    """The network of a checkpoint or model file, and its card."""
    if path.suffix != ".pt":
        return load_model(path)
    network = averaged_network(path)
    if like:
        card = replace(load_model(like)[1], configuration=network.configuration)
    else:
        chosen = CLASS_SETS[classes]
        card = ModelCard(
            network.configuration, list(chosen.names), list(chosen.palette), categories=list(chosen.categories))
    if len(card.classes) != network.classifier.out_channels:
        raise ValueError(f"{path} has {network.classifier.out_channels} classes, its card would name {len(card.classes)}")
    return network, card


def read_mean(paths: Sequence[Path], like: Path | None, classes: str) -> tuple[PyramidShuffleNetV2, ModelCard]:
    """The network whose weights and running statistics are the means of those of all `paths`; the first one's card."""
    network, card = read(paths[0], like, classes)
    total = {name: value.double() for name, value in network.state_dict().items()}
    for path in paths[1:]:
        other, other_card = read(path, like, classes)
        if (other_card.configuration, other_card.classes) != (card.configuration, card.classes):
            raise ValueError(f"{path} and {paths[0]} have other configurations or classes: their weights have no mean")
        for name, value in other.state_dict().items():
            total[name] += value.double()
    network.load_state_dict({k: (v / len(paths)).to(network.state_dict()[k].dtype) for k, v in total.items()})
    return network, card


def write_onnx(path: Path, network: PyramidShuffleNetV2, size: tuple[int, int]) -> None:
    """One fixed-size input `image` (1, 3, H, W), normalised, and one output `logits` (1, classes, H, W)."""
    torch.onnx.export(
        network, (torch.zeros(1, 3, *size),), str(path), input_names=["image"], output_names=["logits"],
        opset_version=18, dynamo=True, external_data=False, verbose=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--from", dest="sources", type=Path, nargs="+", required=True, help="a checkpoint (.pt) or a model file, or several")
    parser.add_argument("--like", type=Path, help="a model file whose classes and normalisation hold for a checkpoint")
    parser.add_argument(
        "--classes", choices=CLASS_SETS, default="street11", help="of a checkpoint without --like; of --categories")
    parser.add_argument("--categories", action="store_true", help="gives the classes the categories that --classes has")
    parser.add_argument("--output", type=Path, help="a model file, half precision")
    parser.add_argument("--single", action="store_true", help="single precision in place of half")
    parser.add_argument("--onnx", type=Path)
    parser.add_argument("--size", type=parse_size, default=INPUT, metavar="HEIGHTxWIDTH", help="of the ONNX file's input")
    parser.add_argument("--golden", type=Path, help="activations of every block for a made picture of 48x64")
    parser.add_argument("--trained-on")
    parser.add_argument("--license")
    arguments = parser.parse_args()
    try:
        network, card = read_mean(arguments.sources, arguments.like, arguments.classes)
        if arguments.trained_on is not None:
            card = replace(card, trained_on=arguments.trained_on)
        if arguments.license is not None:
            card = replace(card, license=arguments.license)
        if arguments.categories:
            chosen = CLASS_SETS[arguments.classes]
            if tuple(card.classes) != chosen.names:
                raise ValueError(f"--categories: {arguments.sources[0]} has other classes than {arguments.classes}")
            card = replace(card, categories=list(chosen.categories))
        if arguments.output:
            save_model(arguments.output, network, card, half=not arguments.single)
            network, card = load_model(arguments.output)  # what follows is of the weights as the file has them
        if arguments.onnx:
            write_onnx(arguments.onnx, network, arguments.size)
        if arguments.golden:
            picture = golden.image("street11", 48, 64, card.mean, card.std)
            golden.write(
                arguments.golden, network, picture,
                {"configuration": golden.name_of(network.configuration), "classes": str(len(card.classes)),
                 "weights": (arguments.output or arguments.sources[0]).name})
    except (ValueError, OSError) as error:
        sys.exit(f"export: {error}")


if __name__ == "__main__":
    main()

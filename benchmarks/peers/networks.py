"""Writes what the engines run, all with the same weights: `python networks.py FOLDER` (compare.py calls it).

exported.onnx          the paper's network as `torch.onnx.export` gives it: (1, 3, H, W) normalised to (1, n, H, W) logits
rewritten.onnx         the same function, its head by identity 3 of docs/network.md (rewriting.py)
rewritten-resize.onnx  the same, its last upsampling as matrix products too
trunk.onnx             the network up to the vortex pooling: (1, 3, H, W) to (1, 256, H/16, W/16)
exported.ncnn.{param,bin}, trunk.ncnn.{param,bin}  by pnnx, with --ncnn
model.safetensors      for segmentd
input.npy              one picture, normalised: float32 (1, 3, H, W)
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))

from rewriting import Rewritten  # noqa: E402
from segmentd_training import formula  # noqa: E402
from segmentd_training.network import CONFIGURATIONS, PyramidShuffleNetV2, VortexPooling  # noqa: E402
from segmentd_training.safetensors_io import ModelCard, load_tensors, save_model  # noqa: E402

CLASSES = 19


class Trunk(nn.Module):
    """Stem to vortex: (1, 3, H, W) to (1, 256, H/16, W/16)."""

    def __init__(self, network: PyramidShuffleNetV2) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            network.stem, network.pool, network.stage1, network.stage2, network.stage3, network.vortex)

    def forward(self, image: Tensor) -> Tensor:
        return self.blocks(image)


class NcnnVortexPooling(VortexPooling):
    """ncnn has no expand_as. It does have the bilinear resizing from 1x1, which is the same."""

    def forward(self, x: Tensor) -> Tensor:
        parts = [F.interpolate(self.image_pool(x.mean((2, 3), keepdim=True)), size=x.shape[2:], mode="bilinear")]
        for k, branch in zip(self.RATES, self.branches):
            pooled = F.avg_pool2d(x, k, stride=1, padding=k // 2, count_include_pad=False) if k > 1 else x
            parts.append(branch(pooled))
        return self.project(torch.cat(parts, dim=1))


def picture(height: int, width: int) -> np.ndarray:
    """(H, W, 3) RGB bytes: slow waves under noise, so that neighbours differ and nothing is constant."""
    noise = formula.uniform("peers.image", 3 * height * width).reshape(height, width, 3)
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / (41 + 13 * c) + c) * np.cos(y / (37 + 11 * c)) for c in range(3)], axis=2)
    return np.floor((0.5 + 0.35 * waves + 0.3 * (noise - 0.5)).clip(0, 1) * 255 + 0.5).astype(np.uint8)


def normalise(pixels: np.ndarray, card: ModelCard) -> np.ndarray:
    """(H, W, 3) bytes to the network's (1, 3, H, W)."""
    mean, std = np.array(card.mean, np.float32), np.array(card.std, np.float32)
    return np.ascontiguousarray(((pixels.astype(np.float32) / 255 - mean) / std).transpose(2, 0, 1)[None])


def build(image: Tensor) -> PyramidShuffleNetV2:
    """Weights by formula, each batch normalisation's statistics those of `image`, so that every activation has the
    magnitude that training gives it: no overflow, no denormal numbers, which would slow some engines and not others."""
    network = PyramidShuffleNetV2(CLASSES, CONFIGURATIONS["efficient"])
    load_tensors(network, formula.tensors(network))
    network.eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
            # A statistic over one pixel has no variance: the image pool keeps its formula.
            layer.train(layer is not network.vortex.image_pool.bn)
    with torch.no_grad():
        network(image)
    return network.eval()


def check_magnitudes(network: PyramidShuffleNetV2, image: Tensor) -> None:
    """Ends the program where an activation is not finite, or so small or large that speed could depend on it."""
    with torch.inference_mode():
        for name, values in network.activations(image).items():
            low, high = float(values.abs()[values != 0].min()), float(values.abs().max())
            if not torch.isfinite(values).all() or not 0.01 <= high <= 1000 or low < torch.finfo(torch.float32).tiny:
                raise SystemExit(f"activations of {name} reach from {low:.3g} to {high:.3g}: not fit to measure speed")


def model_card() -> ModelCard:
    """Nineteen classes with numbers for names: these weights know nothing."""
    levels = [255 * i // (CLASSES - 1) for i in range(CLASSES)]
    return ModelCard(
        configuration=CONFIGURATIONS["efficient"], classes=[f"class{i}" for i in range(CLASSES)],
        palette=[(v, 255 - v, v * 7 % 256) for v in levels],
        trained_on="nothing: weights by formula, to measure speed", license="CC0-1.0")


def export(network: nn.Module, image: Tensor, path: Path, output: str) -> None:
    """ONNX as PyTorch's own exporter writes it by default, in one file."""
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            network.eval(), (image,), dynamo=True, input_names=["image"], output_names=[output], verbose=False)
    program.save(path)


def convert_to_ncnn(network: nn.Module, image: Tensor, stem: Path) -> None:
    """`stem`.ncnn.param and .bin by pnnx, in float32; what else pnnx writes is left out."""
    import pnnx

    with tempfile.TemporaryDirectory(prefix="segmentd-pnnx-") as folder, torch.inference_mode():
        pnnx.export(network.eval(), str(Path(folder, "net.pt")), (image,), fp16=False)
        for suffix in ("param", "bin"):
            made = Path(folder, f"net.ncnn.{suffix}")
            if not made.exists():
                raise SystemExit(f"pnnx made no {made.name}; what it printed above says why")
            stem.with_name(f"{stem.name}.ncnn.{suffix}").write_bytes(made.read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--height", type=int, default=768)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--ncnn", action="store_true", help="convert for ncnn too")
    arguments = parser.parse_args()
    if arguments.height % 16 or arguments.width % 16 or min(arguments.height, arguments.width) < 16:
        parser.error(f"height and width must be multiples of 16, not {arguments.height} and {arguments.width}")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    card = model_card()
    array = normalise(picture(arguments.height, arguments.width), card)
    image = torch.from_numpy(array)
    network = build(image)
    check_magnitudes(network, image)
    np.save(folder / "input.npy", array)
    save_model(folder / "model.safetensors", network, card, half=False)
    low = (arguments.height // 16, arguments.width // 16)
    export(network, image, folder / "exported.onnx", "logits")
    export(Rewritten(network, *low, resize=False), image, folder / "rewritten.onnx", "logits")
    export(Rewritten(network, *low, resize=True), image, folder / "rewritten-resize.onnx", "logits")
    export(Trunk(network), image, folder / "trunk.onnx", "features")
    if arguments.ncnn:
        network.vortex.__class__ = NcnnVortexPooling
        convert_to_ncnn(network, image, folder / "exported")
        convert_to_ncnn(Trunk(network), image, folder / "trunk")


if __name__ == "__main__":
    main()

"""Trains a network: the paper's recipe, or another preset, on one GPU, several, or the CPU.

    python -m segmentd_training.train --data cityscapes:ROOT --output runs/paper
    torchrun --nproc-per-node 4 -m segmentd_training.train --data cityscapes:ROOT --output runs/paper
    python -m segmentd_training.train --preset street --weights M.safetensors --output runs/street \\
        --data camvid:DIR@0.8 --data folder:IMAGES:LABELS@0.12 --data drive:drive.mp4:ids@0.08 --validation camvid:DIR

The same command again goes on from OUTPUT/last.pt, to the bit on the same CPU and number of threads. At the end, OUTPUT
holds `model.safetensors`, ready for the daemon.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from . import checkpoint
from .checkpoint import State
from .classes import CLASS_SETS, ClassSet
from .evaluate import INPUT, Segmenter, measure, parse_size
from .losses import class_weights, cross_entropy, lovasz_softmax
from .metrics import intersection_over_union
from .network import CONFIGURATIONS, PyramidShuffleNetV2
from .pictures import LabelledPictures, parse_source
from .products import TrainingForward
from .recipe import PRESETS, Recipe
from .safetensors_io import ModelCard, load_model, save_model
from .samples import Mixture, NumberSampler, Samples, wanted_weights
from .world import World, join

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def total_loss(logits: Tensor, label: Tensor, recipe: Recipe, weights: Tensor | None) -> Tensor:
    """The recipe's loss of quarter-size logits against labels at 1 / `label_stride` of the crop's size."""
    factor = 4 // recipe.label_stride
    upsampled = F.interpolate(logits, scale_factor=factor, mode="bilinear", align_corners=False) if factor > 1 else logits
    loss = cross_entropy(
        upsampled, label, weights=weights, edge_weight=recipe.edge_weight, hardest=recipe.hardest)
    if recipe.lovasz:
        loss = loss + recipe.lovasz * lovasz_softmax(logits, label[:, ::factor, ::factor])
    return loss


def fresh_network(recipe: Recipe, classes: ClassSet, start: Path | None) -> PyramidShuffleNetV2:
    """A network by the recipe's seed, or from a model file or checkpoint; a classifier of other classes starts anew."""
    torch.manual_seed(recipe.seed)
    network = PyramidShuffleNetV2(len(classes), CONFIGURATIONS[recipe.configuration])
    if start is None:
        return network
    found = checkpoint.averaged_network(start) if start.suffix == ".pt" else load_model(start)[0]
    if found.configuration != network.configuration:
        raise ValueError(f"{start} has the configuration {found.configuration}, the recipe {network.configuration}")
    tensors = found.state_dict()
    if found.classifier.out_channels != len(classes):
        tensors = {k: v for k, v in tensors.items() if not k.startswith("classifier.")}
    network.load_state_dict(tensors, strict=len(tensors) == len(network.state_dict()))
    return network


class Trainer:
    """One run: its state, and a step."""

    def __init__(self, state: State, mixture: Mixture, world: World) -> None:
        self.state, self.world, self.recipe = state, world, state.recipe
        frequencies = mixture.frequencies()
        self.wanted = wanted_weights(frequencies)
        self.weights = (
            class_weights(torch.from_numpy(frequencies), self.recipe.weight_power).to(world.device)
            if self.recipe.weight_power else None)
        forward: nn.Module = TrainingForward(state.network)
        if world.processes > 1:
            forward = DistributedDataParallel(forward)
        self._forward = forward

    def step(self, image: Tensor, label: Tensor) -> tuple[float, float]:
        """One update; the loss and the gradient's norm before clipping."""
        state, recipe, device = self.state, self.recipe, self.world.device
        rate = recipe.rate(state.step)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        image = image.to(device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
            logits = self._forward(image)
        loss = total_loss(logits.float(), label.to(device, non_blocking=True), recipe, self.weights)
        state.scaler.scale(loss).backward()
        state.scaler.unscale_(state.optimizer)
        norm = nn.utils.clip_grad_norm_(state.network.parameters(), recipe.clip or float("inf"))
        state.scaler.step(state.optimizer)
        state.scaler.update()
        state.optimizer.zero_grad(set_to_none=True)
        state.update_average()
        state.step += 1
        return loss.item(), float(norm)


def validate(
    state: State, pictures: LabelledPictures, size: tuple[int, int], every: int, world: World
) -> tuple[float, list[float]]:
    """Mean IoU of the averaged network, and that of each class, in percent."""
    segmenter = Segmenter(state.average, size=size, mean=_MEAN, std=_STD, device=world.device)
    confusion, _ = measure(lambda _, p: segmenter(p), pictures, boundaries=False, every=every, world=world)
    state.enter_training()
    ious = 100 * intersection_over_union(confusion.matrix)
    return float(ious[ious == ious].mean()), ious.tolist()


def train(
    trainer: Trainer, samples: Samples, output: Path, validation: LabelledPictures | None, arguments: argparse.Namespace
) -> None:
    """Steps until the recipe's end; checkpoints, validation, a log line, TensorBoard and a progress bar on the way."""
    state, world, recipe = trainer.state, trainer.world, trainer.recipe
    numbers = NumberSampler(
        first_step=state.step, steps=recipe.steps, batch=recipe.batch, rank=world.rank, processes=world.processes)
    loader = DataLoader(
        samples, batch_sampler=numbers, num_workers=arguments.workers, pin_memory=world.device.type == "cuda")
    board = SummaryWriter(output / "tensorboard") if world.is_first else None
    bar = tqdm(total=recipe.steps, initial=state.step, disable=not (world.is_first and sys.stderr.isatty()))
    began = time.monotonic()
    since: list[tuple[float, float]] = []
    for image, label in loader:
        since.append(trainer.step(image, label))
        bar.update()
        if board and state.step % arguments.log_every == 0:
            loss, norm = (sum(values) / len(since) for values in zip(*since))
            pace = (time.monotonic() - began) / len(since)
            since, began = [], time.monotonic()
            rate = recipe.rate(state.step - 1)
            for name, value in (("loss", loss), ("gradient norm", norm), ("learning rate", rate), ("seconds a step", pace)):
                board.add_scalar(name, value, state.step)
            tqdm.write(f"{time.strftime('%H:%M:%S')} step {state.step}/{recipe.steps} loss {loss:.3f} "
                       f"norm {norm:.2f} rate {rate:.2e} {pace:.2f} s a step", file=sys.stdout)
        is_last = state.step == recipe.steps
        if validation and (state.step % arguments.validate_every == 0 or is_last):
            every = 1 if is_last else arguments.validation_stride
            mean, ious = validate(state, validation, arguments.input, every, world)
            if board:
                board.add_scalar("mean IoU", mean, state.step)
                named = " ".join(f"{n} {v:.1f}" for n, v in zip(validation.classes.names, ious))
                tqdm.write(f"{time.strftime('%H:%M:%S')} step {state.step} mean IoU {mean:.2f} ({named})", file=sys.stdout)
            if mean > state.best:
                state.best = mean
                if world.is_first:
                    checkpoint.save(output / "best.pt", state)
        if world.is_first and (state.step % arguments.checkpoint_every == 0 or is_last):
            checkpoint.save(output / "last.pt", state)
    bar.close()
    if board:
        board.close()


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", action="append", required=True, help="cityscapes:ROOT, camvid:ROOT, folder:IMAGES:LABELS or "
        "drive:VIDEO:LABELS, with @WEIGHT; several are mixed")
    add("--validation", help="the same, read as its `val` split")
    add("--output", type=Path, required=True, help="a folder for checkpoints, TensorBoard and the model")
    add("--classes", choices=CLASS_SETS, default="street11", help="of folder: and drive: data")
    add("--preset", choices=PRESETS, default="paper")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="changes the preset; see recipe.py")
    add("--weights", type=Path, help="a model file or checkpoint whose weights the run begins with")
    add("--input", type=parse_size, default=INPUT, metavar="HEIGHTxWIDTH", help="the network's input in validation")
    add("--validate-every", type=int, default=500, metavar="STEPS")
    add("--validation-stride", type=int, default=4, help="until the last step, only each n-th picture")
    add("--checkpoint-every", type=int, default=100, metavar="STEPS")
    add("--log-every", type=int, default=20, metavar="STEPS")
    add("--workers", type=int, default=0, help="processes that prepare samples")
    add("--device", choices=("cpu", "cuda"))
    add("--threads", type=int, help="of the CPU, for each process")
    add("--trained-on", help="for the model file's metadata; default: the names of the data")
    add("--license", default="", help="for the model file's metadata")
    return parser


def run(arguments: argparse.Namespace) -> State:
    """The whole of `main`, for `ablation` and the tests too. Raises `ValueError` for input that cannot be used."""
    recipe: Recipe = PRESETS[arguments.preset].with_settings(arguments.set)
    classes = CLASS_SETS[arguments.classes]
    sources = [parse_source(text, "train", classes) for text in arguments.data]
    mixture = Mixture([s for s, _ in sources], [w for _, w in sources])
    validation = parse_source(arguments.validation, "val", classes)[0] if arguments.validation else None
    if validation and validation.classes != mixture.classes:
        raise ValueError(f"{validation.name} has other classes than {mixture.sources[0].name}")
    cv2.setNumThreads(1)
    world = join(arguments.device, arguments.threads)
    try:
        network = fresh_network(recipe, mixture.classes, arguments.weights)
        state = State.begin(recipe, " ".join(arguments.data), network, world.device)
        arguments.output.mkdir(parents=True, exist_ok=True)
        last = arguments.output / "last.pt"
        if last.exists():
            checkpoint.resume(last, state)
            if world.is_first:
                print(f"goes on from step {state.step} of {last}", flush=True)
        trainer = Trainer(state, mixture, world)
        samples = Samples(
            mixture, recipe.augmentation(), seed=recipe.seed, mean=_MEAN, std=_STD, wanted=trainer.wanted)
        train(trainer, samples, arguments.output, validation, arguments)
        if world.is_first:
            card = ModelCard(
                CONFIGURATIONS[recipe.configuration], list(mixture.classes.names), list(mixture.classes.palette),
                _MEAN, _STD, categories=list(mixture.classes.categories),
                trained_on=arguments.trained_on or ", ".join(s.name for s, _ in sources), license=arguments.license)
            save_model(arguments.output / "model.safetensors", state.average, card)
        return state
    finally:
        world.leave()


def main() -> None:
    try:
        run(parser().parse_args())
    except ValueError as error:
        sys.exit(f"train: {error}")


if __name__ == "__main__":
    main()

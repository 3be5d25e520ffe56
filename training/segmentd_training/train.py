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
from .evaluate import INPUT, Segmenter, measure, parse_count, parse_size, scaler
from .losses import class_weights, cross_entropy, lovasz_softmax
from .metrics import intersection_over_union
from .network import CONFIGURATIONS, PyramidShuffleNetV2
from .pictures import LabelledPictures, parse_source
from .products import TrainingForward
from .recipe import PRESETS, Recipe
from .safetensors_io import MEAN, STD, ModelCard, load_model, save_model
from .samples import Mixture, NumberSampler, Samples, wanted_weights
from .world import World, join


def total_loss(logits: Tensor, label: Tensor, recipe: Recipe, weights: Tensor | None) -> Tensor:
    """The recipe's loss of quarter-size logits against labels at 1 / `label_stride` of the crop's size."""
    factor = 4 // recipe.label_stride
    upsampled = F.interpolate(logits, scale_factor=factor, mode="bilinear", align_corners=False) if factor > 1 else logits
    loss = cross_entropy(
        upsampled, label, weights=weights, edge_weight=recipe.edge_weight, hardest=recipe.hardest)
    if recipe.lovasz:
        middle = (factor - 1) // 2  # of each block of labels the one nearest to its centre, up and left of it
        loss = loss + recipe.lovasz * lovasz_softmax(logits, label[:, middle::factor, middle::factor])
    return loss


def fresh_network(recipe: Recipe, classes: ClassSet, start: Path | None) -> PyramidShuffleNetV2:
    """A network by the recipe's seed, or from a model file or checkpoint.

    A classifier of other classes starts anew: a model file names its own, of a checkpoint only their number is known.
    """
    torch.manual_seed(recipe.seed)
    network = PyramidShuffleNetV2(len(classes), CONFIGURATIONS[recipe.configuration])
    if start is None:
        return network
    if start.suffix == ".pt":
        found = checkpoint.averaged_network(start)
        is_same = found.classifier.out_channels == len(classes)
    else:
        found, card = load_model(start)
        is_same = tuple(card.classes) == classes.names
    if found.configuration != network.configuration:
        raise ValueError(f"{start} has the configuration {found.configuration}, the recipe {network.configuration}")
    tensors = found.state_dict()
    if not is_same:
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
        is_gpu = device.type == "cuda"
        half = torch.float16 if is_gpu else torch.bfloat16
        with torch.autocast(device.type, half, enabled=is_gpu or recipe.bfloat16):
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
    """Mean IoU of the averaged network, and that of each class, in percent: of the network that the first process has.

    Each process's batch norms see its own part of a batch; what is kept, and so what is measured, is the first's.
    """
    world.share_buffers(state.average)
    segmenter = Segmenter(state.average, size=size, mean=MEAN, std=STD, device=world.device)
    confusion, _ = measure(lambda _, p: segmenter(p), pictures, boundaries=False, every=every, world=world)
    state.enter_training()
    ious = 100 * intersection_over_union(confusion.matrix)
    return float(ious[ious == ious].mean()), ious.tolist()


def _say(text: str) -> None:
    """A line with the time, past the progress bar, and flushed: whoever reads a pipe has it at once."""
    tqdm.write(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stdout)
    sys.stdout.flush()


def train(
    trainer: Trainer, samples: Samples, output: Path, validation: LabelledPictures | None, arguments: argparse.Namespace
) -> None:
    """Steps until the recipe's end; checkpoints, validation, a log line, TensorBoard and a progress bar on the way."""
    state, world, recipe = trainer.state, trainer.world, trainer.recipe
    numbers = NumberSampler(
        first_step=state.step, steps=recipe.steps, batch=recipe.batch, rank=world.rank, processes=world.processes)
    loader = DataLoader(
        samples, batch_sampler=numbers, num_workers=arguments.workers, pin_memory=world.device.type == "cuda")
    # What an earlier run wrote after the checkpoint that this one goes on from is not shown.
    board = SummaryWriter(output / "tensorboard", purge_step=state.step + 1) if world.is_first else None
    bar = tqdm(total=recipe.steps, initial=state.step, disable=not (world.is_first and sys.stderr.isatty()))
    began = time.monotonic()
    since: list[tuple[float, float]] = []
    try:
        for image, label in loader:
            since.append(trainer.step(image, label))
            bar.update()
            if board and state.step % arguments.log_every == 0:
                loss, norm = (sum(values) / len(since) for values in zip(*since))
                pace = (time.monotonic() - began) / len(since)
                since, began = [], time.monotonic()
                rate = recipe.rate(state.step - 1)
                for name, value in (
                    ("loss", loss), ("gradient norm", norm), ("learning rate", rate), ("seconds a step", pace),
                ):
                    board.add_scalar(name, value, state.step)
                _say(f"step {state.step}/{recipe.steps} loss {loss:.3f} "
                     f"norm {norm:.2f} rate {rate:.2e} {pace:.2f} s a step")
            is_last = state.step == recipe.steps
            if validation and (state.step % arguments.validate_every == 0 or is_last):
                _compare(state, validation, output, arguments, world, board)
            if world.is_first and (state.step % arguments.checkpoint_every == 0 or is_last):
                checkpoint.save(output / "last.pt", state)
            if validation and is_last and arguments.validation_stride > 1:
                mean, ious = validate(state, validation, arguments.input, 1, world)
                _report(state, mean, ious, validation, "mean IoU of all pictures", board)
    finally:
        bar.close()
        if board:
            board.close()


def _compare(
    state: State, validation: LabelledPictures, output: Path, arguments: argparse.Namespace, world: World,
    board: SummaryWriter | None,
) -> None:
    """Validates on each `validation_stride`th picture, at every step on the same ones, and keeps the best network."""
    mean, ious = validate(state, validation, arguments.input, arguments.validation_stride, world)
    _report(state, mean, ious, validation, "mean IoU", board)
    if mean > state.best:
        state.best = mean
        if world.is_first:
            checkpoint.save(output / "best.pt", state)


def _report(
    state: State, mean: float, ious: list[float], validation: LabelledPictures, name: str, board: SummaryWriter | None
) -> None:
    if board:
        board.add_scalar(name, mean, state.step)
        named = " ".join(f"{n} {v:.1f}" for n, v in zip(validation.classes.names, ious))
        _say(f"step {state.step} {name} {mean:.2f} ({named})")


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
    add("--validate-every", type=parse_count, default=500, metavar="STEPS")
    add("--validation-stride", type=parse_count, default=4, help="only each n-th picture; at the end all, too")
    add("--checkpoint-every", type=parse_count, default=100, metavar="STEPS")
    add("--log-every", type=parse_count, default=20, metavar="STEPS")
    add("--workers", type=int, default=0, help="processes that prepare samples")
    add("--cache", type=float, default=4.0, metavar="GIB", help="of decoded pictures, all processes together")
    add("--device", choices=("cpu", "cuda"))
    add("--threads", type=parse_count, help="of the CPU, for each process")
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
    if validation:
        scaler()  # its lack should not come to light at the first validation
    if arguments.workers < 0 or not arguments.cache >= 0:
        raise ValueError(f"--workers {arguments.workers}, --cache {arguments.cache}: expected numbers, at least 0")
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
        share = arguments.cache / (world.processes * max(arguments.workers, 1))
        samples = Samples(
            mixture, recipe.augmentation(), seed=recipe.seed, mean=MEAN, std=STD, wanted=trainer.wanted,
            cache_bytes=int(share * 2**30))
        train(trainer, samples, arguments.output, validation, arguments)
        if world.is_first:
            card = ModelCard(
                CONFIGURATIONS[recipe.configuration], list(mixture.classes.names), list(mixture.classes.palette),
                MEAN, STD, categories=list(mixture.classes.categories),
                trained_on=arguments.trained_on or ", ".join(s.name for s, _ in sources), license=arguments.license)
            save_model(arguments.output / "model.safetensors", state.average, card)
        return state
    finally:
        world.leave()


def main() -> None:
    try:
        run(parser().parse_args())
    except (ValueError, OSError) as error:
        sys.exit(f"train: {error}")


if __name__ == "__main__":
    main()

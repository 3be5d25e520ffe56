"""Checkpoints: all that a run needs to go on as if it had never stopped."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from .files import replacing
from .network import CONFIGURATIONS, PyramidShuffleNetV2
from .recipe import Recipe
from .safetensors_io import brief

FORMAT = "segmentd-checkpoint/1"


@dataclass
class State:
    """A run between two steps. `average` is the EMA of the weights, or the network itself where there is none."""

    recipe: Recipe
    data: str
    network: PyramidShuffleNetV2
    average: PyramidShuffleNetV2
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    step: int = 0
    best: float = 0.0

    @classmethod
    def begin(cls, recipe: Recipe, data: str, network: PyramidShuffleNetV2, device: torch.device) -> State:
        network = network.to(device, memory_format=torch.channels_last)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = recipe.batch_norm_momentum
        average = copy.deepcopy(network).eval() if recipe.average else network
        state = cls(recipe, data, network, average, _optimizer(recipe, network),
                    torch.amp.GradScaler(device.type, enabled=device.type == "cuda"))
        state.enter_training()
        return state

    def enter_training(self) -> None:
        """Training mode, but for batch norms whose statistics are frozen."""
        self.network.train()
        if self.recipe.frozen_statistics:
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    def update_average(self) -> None:
        """One step of the EMA, of weights and running statistics alike; it begins as a plain mean."""
        if self.average is self.network:
            return
        keep = min(self.recipe.average, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            for mean, value in zip(self.average.state_dict().values(), self.network.state_dict().values()):
                if mean.dtype.is_floating_point:
                    mean.lerp_(value, 1 - keep)
                else:
                    mean.copy_(value)


def _optimizer(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    """Weight decay for the convolutions that mix channels; batch norms, biases and depthwise kernels have none."""
    decayed = [p for p in network.parameters() if p.ndim == 4 and p.shape[1] > 1]
    free = [p for p in network.parameters() if not (p.ndim == 4 and p.shape[1] > 1)]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": free, "weight_decay": 0.0}]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)


def save(path: Path, state: State) -> None:
    """Writes beside the file first, so that a kill leaves the old checkpoint or the new one."""
    content = {
        "format": FORMAT, "recipe": state.recipe.to_json(), "data": state.data, "step": state.step, "best": state.best,
        "classes": state.network.classifier.out_channels, "network": state.network.state_dict(),
        "average": state.average.state_dict(), "optimizer": state.optimizer.state_dict(),
        "scaler": state.scaler.state_dict(), "rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    with replacing(path) as file:
        torch.save(content, file)


def _read(path: Path) -> tuple[Recipe, dict[str, object]]:
    """The recipe of a checkpoint and its entries."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ValueError(f"there is no checkpoint {path}") from error
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, ValueError, KeyError) as error:
        raise ValueError(
            f"the checkpoint {path} ({path.stat().st_size} bytes) cannot be read: it is cut off or no checkpoint "
            f"({brief(error)})") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{path} is no checkpoint of this program: expected the format {FORMAT!r}")
    try:
        return Recipe.from_json(str(content["recipe"])), content
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the checkpoint {path} has a recipe that this program cannot read: {brief(error)}") from error


def resume(path: Path, state: State) -> None:
    """Puts a checkpoint of the same recipe and data into `state`."""
    recipe, content = _read(path)
    for what, ours, theirs in (("recipe", state.recipe, recipe), ("data", state.data, content.get("data"))):
        if ours != theirs:
            raise ValueError(
                f"{path} was written by a run with another {what}:\n  there: {theirs}\n  here:  {ours}\n"
                "resume with the same command, or give another --output (and this checkpoint as --weights)")
    with _fitting(path):
        state.network.load_state_dict(content["network"])
        if state.average is not state.network:
            state.average.load_state_dict(content["average"])
        state.optimizer.load_state_dict(content["optimizer"])
        state.scaler.load_state_dict(content["scaler"])
        state.step, state.best = int(content["step"]), float(content["best"])
        torch.set_rng_state(content["rng"])
        if content["cuda_rng"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(content["cuda_rng"])


def averaged_network(path: Path) -> PyramidShuffleNetV2:
    """The averaged network of a checkpoint, in evaluation mode."""
    recipe, content = _read(path)
    with _fitting(path):
        network = PyramidShuffleNetV2(int(content["classes"]), CONFIGURATIONS[recipe.configuration])
        network.load_state_dict(content["average"])
    return network.eval()


@contextmanager
def _fitting(path: Path) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"the checkpoint {path} does not fit this program's network: {brief(error)}") from error

"""Training: it learns, stops anywhere and goes on to the bit, alone or as two processes, and refuses what it cannot use."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from miniature import camvid, cityscapes
from segmentd_training import checkpoint, train
from segmentd_training.checkpoint import State
from segmentd_training.network import CONFIGURATIONS, PyramidShuffleNetV2
from segmentd_training.recipe import PRESETS, Recipe
from segmentd_training.safetensors_io import load_model

ROOT = Path(__file__).parents[1]
TINY = ["--set", "crop=[32,32]", "--set", "batch=2", "--set", "configuration=plain", "--threads", "1", "--device", "cpu",
        "--checkpoint-every", "2", "--log-every", "1"]


def arguments(data: str, output: Path, *more: str) -> argparse.Namespace:
    return train.parser().parse_args(["--data", data, "--output", str(output), *TINY, *more])


def tensors(path: Path) -> dict[str, torch.Tensor]:
    content = torch.load(path, weights_only=True)
    optimizer = {f"{k}.{n}": v for k, s in content["optimizer"]["state"].items() for n, v in s.items() if torch.is_tensor(v)}
    return {**content["network"], **{f"average.{k}": v for k, v in content["average"].items()}, **optimizer}


def assert_same(a: Path, b: Path) -> None:
    first, second = tensors(a), tensors(b)
    assert first.keys() == second.keys()
    assert not [k for k in first if not torch.equal(first[k], second[k])]


#: `train`, killed from within as its fourth step begins: the third's line is written, the last checkpoint is step 2's.
KILLED = """
import os, signal
from segmentd_training import train
step = train.Trainer.step
def step_or_die(trainer, *batch):
    if trainer.state.step == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(trainer, *batch)
train.Trainer.step = step_or_die
train.main()
"""


@pytest.mark.parametrize("preset", PRESETS)
def test_a_run_that_was_killed_has_said_all_it_did_and_goes_on_to_the_bit(tmp_path: Path, preset: str) -> None:
    data = f"camvid:{camvid(tmp_path / 'camvid')}"
    settings = ("--preset", preset, "--set", "steps=6", "--set", "crop=[32,32]", "--set", "batch=2")
    train.run(arguments(data, tmp_path / "whole", *settings))

    command = ["--data", data, "--output", str(tmp_path / "killed"), *TINY, *settings]
    buffered = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=buffered)
    assert killed.returncode == -signal.SIGKILL
    assert [line.split()[2] for line in killed.stdout.splitlines()] == ["1/6", "2/6", "3/6"]
    again = subprocess.run(
        [sys.executable, "-m", "segmentd_training.train", *command], cwd=ROOT, check=True, capture_output=True, text=True)
    assert "goes on from step 2" in again.stdout
    assert_same(tmp_path / "whole/last.pt", tmp_path / "killed/last.pt")


def test_the_street_preset_learns_a_miniature_street(tmp_path: Path) -> None:
    data = f"camvid:{camvid(tmp_path / 'camvid')}"
    state = train.run(arguments(
        data, tmp_path / "run", "--preset", "street", "--validation", data, "--input", "48x64", "--validate-every", "100",
        "--set", "steps=60", "--set", "crop=[48,64]", "--set", "reference_height=48", "--set", "scales=[0.9,1.3]",
        "--set", "average=0.8", "--set", "light=0.2", "--set", "batch=4", "--set", "learning_rate=0.005"))
    assert state.best > 45  # untrained it is below 20
    network, card = load_model(tmp_path / "run/model.safetensors")
    assert card.classes[8] == "Car" and card.categories[8] == "vehicle" and card.trained_on == "camvid train"
    average = state.average.state_dict()
    assert all((v - average[k]).abs().max() <= 2e-3 * v.abs().max() + 1e-6 for k, v in network.state_dict().items() if "num" not in k)


def test_two_processes_of_torchrun_train_cityscapes_with_the_paper_s_recipe(tmp_path: Path) -> None:
    root = cityscapes(tmp_path / "cityscapes")
    cityscapes(root, split="val")
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "segmentd_training.train",
         "--data", f"cityscapes:{root}", "--validation", f"cityscapes:{root}", "--input", "48x64", *TINY,
         "--set", "steps=3", "--output", str(tmp_path / "run")],
        cwd=ROOT, check=True, capture_output=True)
    _, card = load_model(tmp_path / "run/model.safetensors")
    assert len(card.classes) == 19 and card.classes[0] == "road"
    assert list((tmp_path / "run/tensorboard").iterdir())


def test_two_thin_processes_compute_what_one_does_with_the_whole_batch() -> None:
    """Each process takes its part of the same samples: numbers do not depend on how many there are."""
    from segmentd_training.samples import NumberSampler

    def batches(rank: int, processes: int) -> list[list[int]]:
        return list(NumberSampler(first_step=2, steps=5, batch=6, rank=rank, processes=processes))

    halves = [a + b for a, b in zip(batches(0, 2), batches(1, 2))]
    assert halves == batches(0, 1) == [list(range(6 * s, 6 * s + 6)) for s in (2, 3, 4)]


def test_frozen_statistics_stay_while_weights_move(tmp_path: Path) -> None:
    data = f"camvid:{camvid(tmp_path / 'camvid')}"
    common = ("--set", "steps=2", "--set", "frozen_statistics=true", "--validation", data, "--input", "32x32",
              "--validate-every", "1")
    network = train.run(arguments(data, tmp_path / "run", *common)).network
    fresh = PyramidShuffleNetV2(11, CONFIGURATIONS["plain"])
    for name, value in fresh.named_buffers():
        assert torch.equal(network.get_buffer(name), value), name
    torch.manual_seed(0)
    begun = PyramidShuffleNetV2(11, CONFIGURATIONS["plain"])
    assert not torch.equal(network.stem.conv.weight, begun.stem.conv.weight)


def test_a_checkpoint_that_was_cut_off_is_named(tmp_path: Path) -> None:
    recipe = Recipe(configuration="plain")
    state = State.begin(recipe, "data", PyramidShuffleNetV2(3, CONFIGURATIONS["plain"]), torch.device("cpu"))
    path = tmp_path / "last.pt"
    checkpoint.save(path, state)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=rf"last.pt \({len(whole) // 2} bytes\) cannot be read: it is cut off"):
        checkpoint.resume(path, state)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    network = PyramidShuffleNetV2(3, CONFIGURATIONS["plain"])
    state = State.begin(Recipe(configuration="plain"), "data", network, torch.device("cpu"))
    checkpoint.save(tmp_path / "last.pt", state)
    other = State.begin(Recipe(configuration="plain", batch=4), "data", network, torch.device("cpu"))
    with pytest.raises(ValueError, match="written by a run with another recipe"):
        checkpoint.resume(tmp_path / "last.pt", other)


@pytest.mark.parametrize("setting, message", [
    ("crop=[30,32]", "crop is .*; expected two multiples of 16"),
    ("batch=0", "batch is 0; expected a number above zero"),
    ("nonsense=1", "cannot set 'nonsense=1': expected NAME=VALUE, NAME one of aspect, "),
    ("batch=many", "batch is a int such as 16"),
    ("optimizer=lion", "expected sgd or adamw"),
])
def test_a_setting_that_cannot_be_is_refused(setting: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PRESETS["paper"].with_settings([setting])


def test_the_paper_s_rate_falls_as_a_power_of_what_is_left() -> None:
    paper = PRESETS["paper"]
    assert (paper.optimizer, paper.momentum, paper.batch, paper.scales) == ("sgd", 0.9, 16, (0.75, 1.0, 1.5, 1.75, 2.0))
    assert paper.rate(0) == 2.5e-2
    assert paper.rate(paper.steps // 2) == pytest.approx(2.5e-2 * 0.5**0.9)

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
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from miniature import camvid, cityscapes
from segmentd_training import checkpoint, train
from segmentd_training.checkpoint import State
from segmentd_training.classes import STREET11
from segmentd_training.losses import lovasz_softmax
from segmentd_training.network import CONFIGURATIONS, PyramidShuffleNetV2
from segmentd_training.recipe import PRESETS, Recipe
from segmentd_training.safetensors_io import ModelCard, load_model, save_model

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
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys; from pathlib import Path; from segmentd_training import train\n"
        "state = train.run(train.parser().parse_args())\n"
        "sums = [float(b.double().sum()) for b in state.average.buffers()]\n"
        "Path(sys.argv[-1], 'rank' + os.environ['RANK']).write_text(repr(sums))\n")
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script), "--data", f"cityscapes:{root}", "--validation", f"cityscapes:{root}", "--input", "48x64", *TINY,
         "--set", "steps=3", "--output", str(tmp_path / "run")],
        cwd=ROOT, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert (tmp_path / "run/rank0").read_text() == (tmp_path / "run/rank1").read_text()  # what is measured is what is kept
    _, card = load_model(tmp_path / "run/model.safetensors")
    assert len(card.classes) == 19 and card.classes[0] == "road"
    assert list((tmp_path / "run/tensorboard").iterdir())


def test_the_sample_numbers_of_two_processes_are_together_those_of_one() -> None:
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


def test_steps_in_bfloat16_come_near_those_in_single_precision(tmp_path: Path) -> None:
    data = f"camvid:{camvid(tmp_path / 'camvid')}"
    common = ("--set", "steps=2", "--set", "frozen_statistics=true", "--set", "learning_rate=1e-3")
    single, half = (
        train.run(arguments(data, tmp_path / name, *common, "--set", f"bfloat16={name}")).network
        for name in ("false", "true"))
    torch.manual_seed(0)
    begun = PyramidShuffleNetV2(11, CONFIGURATIONS["plain"])
    ways = [torch.cat([(b - a).flatten() for a, b in zip(begun.parameters(), n.parameters())]) for n in (single, half)]
    assert not torch.equal(*ways)
    assert ways[1].dtype == torch.float32
    assert torch.cosine_similarity(*ways, dim=0) > 0.99


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
    ("warmup=-5", "warmup is -5; expected a number, at least 0"),
    ("clip=-1", "clip is -1.0; expected a number, at least 0"),
    ("momentum=2", "momentum is 2.0; expected at least 0 and below 1"),
    ("lovasz=-0.5", "lovasz is -0.5; expected"),
    ("edge_weight=NaN", "edge_weight is nan; expected"),
    ("blur=1.5", "blur is 1.5; expected a share from 0 to 1"),
])
def test_a_setting_that_cannot_be_is_refused(setting: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PRESETS["paper"].with_settings([setting])


@pytest.mark.parametrize("option", ["--log-every", "--validate-every", "--checkpoint-every", "--validation-stride"])
def test_every_no_step_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train.parser().parse_args(["--data", "camvid:x", "--output", "x", option, "0"])
    assert "expected a whole number above zero, not '0'" in capsys.readouterr().err


def test_the_best_network_is_chosen_on_the_same_pictures_at_every_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = f"camvid:{camvid(tmp_path / 'camvid')}"
    measured: list[int] = []

    def validated(state: State, pictures: object, size: object, every: int, world: object) -> tuple[float, list[float]]:
        measured.append(every)
        return (90.0 if every == 1 else 50.0 - state.step), [0.0] * 11

    monkeypatch.setattr(train, "validate", validated)
    state = train.run(arguments(
        data, tmp_path / "run", "--set", "steps=2", "--validation", data, "--validate-every", "1", "--validation-stride", "3"))
    assert measured == [3, 3, 1] and state.best == 49
    assert torch.load(tmp_path / "run/best.pt", weights_only=True)["step"] == 1


def test_tensorboard_shows_each_step_of_a_run_that_went_on_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = f"camvid:{camvid(tmp_path / 'camvid')}"
    step = train.Trainer.step

    def interrupted(trainer: train.Trainer, *batch: torch.Tensor) -> tuple[float, float]:
        if trainer.state.step == 3:
            raise KeyboardInterrupt
        return step(trainer, *batch)

    monkeypatch.setattr(train.Trainer, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train.run(arguments(data, tmp_path / "run", "--set", "steps=4"))
    monkeypatch.setattr(train.Trainer, "step", step)
    train.run(arguments(data, tmp_path / "run", "--set", "steps=4"))
    events = EventAccumulator(str(tmp_path / "run/tensorboard")).Reload()
    assert [e.step for e in events.Scalars("loss")] == [1, 2, 3, 4]


def test_a_classifier_of_other_classes_starts_anew_though_it_has_as_many(tmp_path: Path) -> None:
    recipe = Recipe(configuration="plain", seed=1)
    other = PyramidShuffleNetV2(11, CONFIGURATIONS["plain"])
    for names, is_taken in ((STREET11.names, True), (STREET11.names[::-1], False)):
        save_model(tmp_path / "m.safetensors", other, ModelCard(other.configuration, list(names), list(STREET11.palette)), half=False)
        network = train.fresh_network(recipe, STREET11, tmp_path / "m.safetensors")
        assert torch.equal(network.classifier.weight, other.classifier.weight) == is_taken
        assert torch.equal(network.stem.conv.weight, other.stem.conv.weight)


def test_lovasz_sees_the_label_nearest_to_each_block_s_centre() -> None:
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 3, 8, 8, generator=draw)
    for stride, middle in ((1, 1), (2, 0), (4, 0)):
        factor = 4 // stride
        label = torch.randint(0, 3, (1, 8 * factor, 8 * factor), generator=draw, dtype=torch.uint8)
        both, alone = (train.total_loss(logits, label, Recipe(label_stride=stride, lovasz=v), None) for v in (1.0, 0.0))
        expected = lovasz_softmax(logits, label[:, middle::factor, middle::factor])
        assert float(both - alone) == pytest.approx(float(expected), abs=1e-5)


def test_the_cache_is_divided_among_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = f"camvid:{camvid(tmp_path / 'camvid')}"
    given: list[int] = []

    def samples(*_: object, cache_bytes: int, **__: object) -> None:
        given.append(cache_bytes)
        raise ValueError("far enough")

    monkeypatch.setattr(train, "Samples", samples)
    with pytest.raises(ValueError, match="far enough"):
        train.run(arguments(data, tmp_path / "run", "--workers", "4", "--cache", "2"))
    assert given == [2**29]


def test_the_paper_s_rate_falls_as_a_power_of_what_is_left() -> None:
    paper = PRESETS["paper"]
    assert (paper.optimizer, paper.momentum, paper.batch, paper.scales) == ("sgd", 0.9, 16, (0.75, 1.0, 1.5, 1.75, 2.0))
    assert paper.rate(0) == 2.5e-2
    assert paper.rate(paper.steps // 2) == pytest.approx(2.5e-2 * 0.5**0.9)

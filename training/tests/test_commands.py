"""The commands, run in this process: what cannot be read is named in one line, what makes no sense is refused."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from miniature import camvid, cityscapes
from segmentd_training import ablation, checkpoint, files
from segmentd_training.checkpoint import State
from segmentd_training.classes import CITYSCAPES19, STREET11, ClassSet
from segmentd_training.network import CONFIGURATIONS, PyramidShuffleNetV2
from segmentd_training.recipe import Recipe
from segmentd_training.safetensors_io import ModelCard, load_model, save_model
from test_from_trunk import made_trunk


def refusal(monkeypatch: pytest.MonkeyPatch, module: str, *arguments: object) -> str:
    """What a command says as it ends."""
    monkeypatch.setattr(sys, "argv", [module, *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"segmentd_training.{module}").main()
    return str(ended.value)


def run(monkeypatch: pytest.MonkeyPatch, module: str, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [module, *map(str, arguments)])
    importlib.import_module(f"segmentd_training.{module}").main()


def model(path: Path, classes: ClassSet = STREET11, categories: bool = True) -> Path:
    torch.manual_seed(0)
    card = ModelCard(
        CONFIGURATIONS["plain"], list(classes.names), list(classes.palette),
        categories=list(classes.categories) if categories else [])
    save_model(path, PyramidShuffleNetV2(len(classes), card.configuration), card)
    return path


COMMANDS = {
    "train": ("--set", "configuration=plain", "--device", "cpu", "--output", "out", "--data", "DATA", "--weights", "FILE"),
    "evaluate": ("--data", "DATA", "--model", "FILE"),
    "calibrate": ("--data", "DATA", "--output", "out.safetensors", "--model", "FILE"),
    "export": ("--output", "out.safetensors", "--from", "FILE"),
    "from_trunk": ("--data", "DATA", "--output", "out.safetensors", "--trunk", "FILE"),
    "submission": ("--root", ".", "--output", "out", "--model", "FILE"),
    "ablation": ("--data", "DATA", "--validation", "DATA", "--output", "out", "--device", "cpu", "--configurations",
                 "plain", "--weights", "FILE"),
}


@pytest.mark.parametrize("module", COMMANDS)
def test_a_file_that_cannot_be_read_is_named_in_one_line(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = f"camvid:{camvid(tmp_path / 'camvid', count=1)}"
    whole = model(tmp_path / "whole.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "empty.pt").touch()
    torch.save({"format": checkpoint.FORMAT, "recipe": '{"of_old": 1}'}, tmp_path / "old.pt")
    torch.save({"format": checkpoint.FORMAT, "recipe": "{}", "classes": 11, "average": {}}, tmp_path / "other.pt")
    names = ["missing.safetensors", "cut.safetensors", "folder.safetensors"]
    if module in ("train", "export", "ablation"):
        names += ["missing.pt", "empty.pt", "old.pt", "other.pt"]
    for name in names:
        said = refusal(monkeypatch, module, *({"DATA": data, "FILE": name}.get(a, a) for a in COMMANDS[module]))
        assert said.startswith(f"{module}: ") and name in said and "\n" not in said, said


def test_a_run_s_own_checkpoint_that_does_not_fit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = f"camvid:{camvid(tmp_path / 'camvid', count=1)}"
    recipe = Recipe(configuration="plain")
    state = State.begin(recipe, data, PyramidShuffleNetV2(3, CONFIGURATIONS["plain"]), torch.device("cpu"))
    (tmp_path / "out").mkdir()
    checkpoint.save(tmp_path / "out/last.pt", state)
    said = refusal(monkeypatch, "train", "--set", "configuration=plain", "--device", "cpu", "--data", data, "--output",
                   tmp_path / "out")
    assert "last.pt does not fit" in said and "\n" not in said


@pytest.mark.parametrize("module", ["evaluate", "calibrate"])
def test_a_model_of_other_classes_than_the_data_is_refused(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    street = f"camvid:{camvid(tmp_path / 'camvid', count=1)}"
    city = f"cityscapes:{cityscapes(tmp_path / 'cityscapes', split='val')}"
    common = ("--split", "val", *(("--output", tmp_path / "c.safetensors") if module == "calibrate" else ()))
    said = refusal(
        monkeypatch, module, "--model", model(tmp_path / "19.safetensors", CITYSCAPES19), "--data", street, *common)
    assert "camvid val has 11 classes (Sky, Building, Pole, …), the model 19 classes (road, sidewalk, building, …)" in said
    said = refusal(monkeypatch, module, "--model", model(tmp_path / "11.safetensors"), "--data", city, *common)
    assert "cityscapes val has 19 classes (road, " in said


def test_a_start_from_a_trunk_is_a_model_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "trunk.npz", **made_trunk())
    data = f"camvid:{camvid(tmp_path / 'camvid', count=1)}"
    run(monkeypatch, "from_trunk", "--trunk", tmp_path / "trunk.npz", "--data", data, "--configuration", "plain", "--batch",
        "1", "--output", tmp_path / "start.safetensors")
    assert load_model(tmp_path / "start.safetensors")[1].trained_on == "nothing yet; trunk trunk.npz"


def test_export_gives_categories_when_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare, out = model(tmp_path / "bare.safetensors", categories=False), tmp_path / "out.safetensors"
    run(monkeypatch, "export", "--from", bare, "--output", out)
    assert load_model(out)[1].categories == []
    run(monkeypatch, "export", "--from", bare, "--output", out, "--categories")
    assert tuple(load_model(out)[1].categories) == STREET11.categories


def test_a_model_file_is_whole_or_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = model(tmp_path / "m.safetensors").read_bytes()

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError):
        model(tmp_path / "m.safetensors", CITYSCAPES19)
    assert (tmp_path / "m.safetensors").read_bytes() == old


@pytest.mark.parametrize("options, message", [
    (("--weights", "m.safetensors"), "a model is of one configuration"),
    (("--weights", "m.safetensors", "--trunk", "t.npz"), "a run begins with one of them"),
    (("--validation-stride", "2"), "only with --validate-every"),
    (("--set", "seed=4"), "give --seeds"),
    (("--set", "configuration=plain"), "give --configurations"),
])
def test_the_ablation_refuses_what_it_would_ignore(
    options: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = refusal(monkeypatch, "ablation", "--data", "camvid:x", "--validation", "camvid:x", "--output", "out", *options)
    assert message in said


def test_the_ablation_passes_on_what_a_run_can_use_and_measures_on_its_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = f"camvid:{camvid(tmp_path / 'camvid', count=1)}"
    passed: list[argparse.Namespace] = []
    devices: list[torch.device] = []

    def trained(arguments: argparse.Namespace) -> SimpleNamespace:
        passed.append(arguments)
        model(arguments.output / "model.safetensors")
        return SimpleNamespace(average=PyramidShuffleNetV2(11, CONFIGURATIONS["plain"]).to("meta"))

    def segmenter(*_: object, device: torch.device, **__: object) -> None:
        devices.append(device)
        raise ValueError("far enough")

    monkeypatch.setattr(ablation.train, "run", trained)
    monkeypatch.setattr(ablation, "Segmenter", segmenter)
    refusal(monkeypatch, "ablation", "--data", data, "--validation", data, "--output", tmp_path / "out", "--configurations",
            "plain", "--weights", "m.safetensors", "--validate-every", "7", "--validation-stride", "2", "--trained-on", "us",
            "--license", "ours", "--input", "32x48", "--cache", "0.5")
    (got,) = passed
    assert (got.weights, got.validation, got.validate_every, got.validation_stride) == (Path("m.safetensors"), data, 7, 2)
    assert (got.trained_on, got.license, got.input, got.cache) == ("us", "ours", (32, 48), 0.5)
    assert devices == [torch.device("meta")]

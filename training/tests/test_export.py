"""Exports: the same network in every form; and Table IV as one command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from miniature import camvid
from segmentd_training import checkpoint
from segmentd_training.checkpoint import State
from segmentd_training.network import CONFIGURATIONS, PyramidShuffleNetV2
from segmentd_training.recipe import Recipe
from segmentd_training.safetensors_io import load_model

ROOT = Path(__file__).resolve().parents[1]


def run(module: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"segmentd_training.{module}", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_model_file_onnx_and_golden_activations_are_the_checkpoint_s_network(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    recipe = Recipe(configuration="efficient", average=0.5)
    torch.manual_seed(3)
    state = State.begin(recipe, "data", PyramidShuffleNetV2(11), torch.device("cpu"))
    checkpoint.save(tmp_path / "best.pt", state)
    run("export", "--from", str(tmp_path / "best.pt"), "--output", str(tmp_path / "m.safetensors"), "--license", "ours",
        "--onnx", str(tmp_path / "m.onnx"), "--size", "48x64", "--golden", str(tmp_path / "g.safetensors"))

    network, card = load_model(tmp_path / "m.safetensors")
    assert card.license == "ours" and card.categories[3] == "flat"
    golden = load_file(tmp_path / "g.safetensors")
    with torch.inference_mode():
        expected = network(golden["image"])
    assert torch.allclose(golden["logits"], expected, rtol=1e-4, atol=1e-4)
    session = runtime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    logits = session.run(["logits"], {"image": golden["image"].numpy()})[0]
    assert np.abs(logits - expected.numpy()).max() < 1e-4 * expected.abs().max()


def test_of_several_checkpoints_the_mean_of_their_weights_is_exported(tmp_path: Path) -> None:
    states = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        network = PyramidShuffleNetV2(11, CONFIGURATIONS["plain"])
        states.append(State.begin(Recipe(configuration="plain"), "data", network, torch.device("cpu")))
        checkpoint.save(tmp_path / f"{seed}.pt", states[-1])
    run("export", "--from", str(tmp_path / "1.pt"), str(tmp_path / "2.pt"), "--output", str(tmp_path / "m.safetensors"), "--single")
    found = load_model(tmp_path / "m.safetensors")[0].stem.conv.weight
    expected = (states[0].network.stem.conv.weight + states[1].network.stem.conv.weight) / 2
    torch.testing.assert_close(found, expected)


def test_the_ablation_trains_each_row_with_each_seed_once_and_prints_the_spread(tmp_path: Path) -> None:
    data = f"camvid:{camvid(tmp_path / 'camvid', count=3)}"
    command = ["--data", data, "--validation", data, "--output", str(tmp_path / "ablation"), "--set", "steps=1",
               "--set", "crop=[32,32]", "--set", "batch=2", "--input", "32x32", "--threads", "1", "--seeds", "0", "1",
               "--configurations", "plain", "pyramid"]
    table = run("ablation", *command)
    assert "| plain | 1.313 | 2 |" in table and "±" in table.splitlines()[-1]
    results = sorted((tmp_path / "ablation").glob("*/result.json"))
    assert [r.parent.name for r in results] == ["plain-0", "plain-1", "pyramid-0", "pyramid-1"]
    written = [r.stat().st_mtime_ns for r in results]
    assert run("ablation", *command).splitlines()[-2:] == table.splitlines()[-2:]
    assert [r.stat().st_mtime_ns for r in results] == written
    other = subprocess.run(
        [sys.executable, "-m", "segmentd_training.ablation", *command, "--set", "steps=2"], cwd=ROOT, capture_output=True,
        text=True)
    assert other.returncode == 1 and "plain-0/result.json is of another run" in other.stderr

"""Calibration of the classifier's biases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from miniature import camvid
from segmentd_training.calibrate import best_biases, labelled_logits, mean_iou
from segmentd_training.classes import STREET11
from segmentd_training.evaluate import Segmenter
from segmentd_training.metrics import Confusion, intersection_over_union
from segmentd_training.network import CONFIGURATIONS, PyramidShuffleNetV2
from segmentd_training.pictures import camvid as camvid_pictures
from segmentd_training.safetensors_io import ModelCard, load_model, save_model


def network_and_card() -> tuple[PyramidShuffleNetV2, ModelCard]:
    torch.manual_seed(1)
    card = ModelCard(CONFIGURATIONS["plain"], list(STREET11.names), list(STREET11.palette))
    return PyramidShuffleNetV2(11, card.configuration), card


def test_a_class_that_was_given_too_much_gives_it_back() -> None:
    draw = np.random.default_rng(0)
    labels = draw.choice(3, 4000, p=[0.6, 0.35, 0.05]).astype(np.uint8)
    logits = draw.standard_normal((4000, 3)).astype(np.float32) + 3 * np.eye(3, dtype=np.float32)[labels]
    fair = mean_iou(logits, labels, np.zeros(3, np.float32))
    biases, before, after = best_biases(logits + np.array([0, 0, 3], np.float32), labels)
    assert before < fair <= after
    assert biases[2] - biases[:2].max() < -2


def test_the_logits_are_those_whose_argmax_the_evaluation_counts(tmp_path: Path) -> None:
    network, card = network_and_card()
    pictures = camvid_pictures(camvid(tmp_path, count=2), "val")
    logits, labels = labelled_logits(network, card, pictures, (48, 64), every=1, stride=1)
    segment = Segmenter(network, size=(48, 64), mean=card.mean, std=card.std)
    confusion = Confusion(11)
    for index in range(2):
        picture, label = pictures.read(index)
        confusion.add(segment(picture), label)
    expected = float(np.nanmean(intersection_over_union(confusion.matrix)))
    assert abs(mean_iou(logits, labels, np.zeros(11, np.float32)) - expected) < 1e-9


def test_the_command_changes_the_biases_and_nothing_else(tmp_path: Path) -> None:
    network, card = network_and_card()
    save_model(tmp_path / "m.safetensors", network, card)
    subprocess.run(
        [sys.executable, "-m", "segmentd_training.calibrate", "--model", str(tmp_path / "m.safetensors"), "--data",
         f"camvid:{camvid(tmp_path / 'camvid')}", "--input", "48x64", "--output", str(tmp_path / "c.safetensors")],
        cwd=Path(__file__).parents[1], check=True, capture_output=True)
    before, after = (load_model(tmp_path / f"{n}.safetensors")[0].state_dict() for n in ("m", "c"))
    assert [k for k in before if not torch.equal(before[k], after[k])] == ["classifier.bias"]

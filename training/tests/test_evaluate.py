"""The numbers against independent implementations, and the evaluation of a model from end to end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from miniature import camvid, cityscapes, street
from segmentd_training import submission
from segmentd_training.classes import CITYSCAPES19, CITYSCAPES_LABEL_IDS, STREET11
from segmentd_training.evaluate import Segmenter, stretch
from segmentd_training.metrics import Boundaries, Confusion, nearest, report
from segmentd_training.network import CONFIGURATIONS, PyramidShuffleNetV2
from segmentd_training.safetensors_io import ModelCard, save_model

torchmetrics = pytest.importorskip("torchmetrics.functional.classification")
ROOT = Path(__file__).resolve().parents[1]


def maps(seed: int, classes: int, size: tuple[int, int] = (40, 56)) -> tuple[np.ndarray, np.ndarray]:
    """A label of blocks with ignored ones among them, and a prediction that is right in four of five."""
    draw = np.random.default_rng(seed)
    label = draw.integers(0, classes + 1, (size[0] // 8, size[1] // 8)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    label[label == classes] = 255
    prediction = np.where((draw.random(size) < 0.8) & (label < classes), label, draw.integers(0, classes, size))
    return prediction.astype(np.uint8), label


def test_iou_category_iou_and_accuracy_equal_torchmetrics() -> None:
    confusion = Confusion(11)
    pairs = [maps(seed, 11) for seed in range(4)]
    for prediction, label in pairs:
        confusion.add(prediction, label)
    found = report(confusion, None, STREET11)

    def both(table: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        predicted, true = (torch.from_numpy(table[np.stack(maps_)].astype(np.int64)) for maps_ in zip(*pairs))
        return predicted, true

    identity = np.arange(256)
    ious = torchmetrics.multiclass_jaccard_index(*both(identity), 11, average=None, ignore_index=255)
    assert list(found["class_iou"].values()) == pytest.approx((100 * ious).tolist(), abs=1e-3)
    assert found["mean_iou"] == pytest.approx(100 * float(ious.mean()), abs=1e-3)
    accuracy = torchmetrics.multiclass_accuracy(*both(identity), 11, average="micro", ignore_index=255)
    assert found["pixel_accuracy"] == pytest.approx(100 * float(accuracy), abs=1e-3)

    names = STREET11.category_names
    table = np.full(256, 255)
    table[:11] = [names.index(c) for c in STREET11.categories]
    ious = torchmetrics.multiclass_jaccard_index(*both(table), 7, average=None, ignore_index=255)
    assert list(found["category_iou"]) == list(names)
    assert list(found["category_iou"].values()) == pytest.approx((100 * ious).tolist(), abs=1e-3)


def test_classes_that_no_label_has_are_left_out_of_the_mean() -> None:
    confusion = Confusion(11)
    label = np.zeros((4, 4), np.uint8)
    label[2:] = 3
    prediction = label.copy()
    prediction[0] = 8  # a class without a label costs the Sky its pixels, no more
    confusion.add(prediction, label)
    found = report(confusion, None, STREET11)
    assert found["class_iou"]["Car"] is None and found["category_iou"]["vehicle"] is None
    assert found["mean_iou"] == pytest.approx((50 + 100) / 2)


def plain_boundary_f(prediction: np.ndarray, label: np.ndarray, classes: int, tolerance: float) -> list[float | None]:
    """The definition, pixel by pixel."""
    height, width = label.shape

    def boundary(map_: np.ndarray, index: int) -> list[tuple[int, int]]:
        found = []
        for y in range(height):
            for x in range(width):
                if map_[y, x] != index or label[y, x] >= classes:
                    continue
                near = [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
                inside = [(a, b) for a, b in near if 0 <= a < height and 0 <= b < width and label[a, b] < classes]
                if any(map_[a, b] != index for a, b in inside):
                    found.append((y, x))
        return found

    def near(points: list[tuple[int, int]], others: list[tuple[int, int]]) -> int:
        return sum(any((y - a) ** 2 + (x - b) ** 2 <= tolerance**2 for a, b in others) for y, x in points)

    scores: list[float | None] = []
    for index in range(classes):
        ours, theirs = boundary(prediction, index), boundary(label, index)
        precision = near(ours, theirs) / max(len(ours), 1)
        recall = near(theirs, ours) / max(len(theirs), 1)
        f = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        scores.append(f if theirs else None)
    return scores


def test_boundary_f_equals_its_definition_pixel_by_pixel() -> None:
    prediction, label = maps(7, 3, (48, 160))  # a diagonal of 167: a tolerance of 2 pixels
    boundaries = Boundaries(3)
    boundaries.add(prediction, label)
    expected = plain_boundary_f(prediction, label, 3, 2)
    assert boundaries.scores().tolist() == pytest.approx(expected)


def test_a_prediction_of_an_unknown_class_or_another_size_is_refused() -> None:
    label = np.zeros((4, 6), np.uint8)
    with pytest.raises(ValueError, match="the prediction is 4x6, its label 6x4"):
        Confusion(3).add(label.T.copy(), label)
    with pytest.raises(ValueError, match="the prediction has the id 3, the model 3 classes"):
        Confusion(3).add(label + 3, label)


def test_a_class_map_is_sampled_at_pixel_centres() -> None:
    map_ = np.arange(24, dtype=np.uint8).reshape(4, 6)
    assert np.array_equal(nearest(map_, (4, 6)), map_)
    assert np.array_equal(nearest(map_, (2, 3)), map_[1::2, 1::2])
    assert np.array_equal(nearest(map_, (8, 12)), map_.repeat(2, 0).repeat(2, 1))


def test_stretching_up_is_bilinear_with_half_pixel_centres() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(picture).permute(2, 0, 1)[None].double(), size=(16, 32), mode="bilinear", align_corners=False)
    found = stretch(picture, (16, 32)).astype(float)
    assert np.abs(found - expected[0].permute(1, 2, 0).numpy()).max() <= 1


def test_pictures_are_scaled_by_libswscale_as_the_daemon_does(tmp_path: Path) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (50, 70, 3)).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "picture.png")
    for height, width in ((32, 48), (96, 112), (32, 112)):
        flags = "bilinear+accurate_rnd+full_chroma_int+full_chroma_inp"
        scaled = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", tmp_path / "picture.png", "-vf", f"scale={width}:{height}:flags={flags}",
             "-pix_fmt", "gbrp", "-f", "rawvideo", "-"], check=True, capture_output=True).stdout
        green, blue, red = np.frombuffer(scaled, np.uint8).reshape(3, height, width)
        assert np.array_equal(stretch(picture, (height, width)), np.stack([red, green, blue], axis=2))


def test_a_picture_of_the_network_s_size_stays_as_it_is_and_others_need_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    picture = street(0)[0]
    assert np.array_equal(stretch(picture, (48, 64)), picture)
    with pytest.raises(ValueError, match="the program ffmpeg is missing; .*: apt install ffmpeg"):
        stretch(picture, (32, 64))


def model(path: Path, classes: int = 11) -> Path:
    chosen = STREET11 if classes == 11 else CITYSCAPES19
    torch.manual_seed(0)
    card = ModelCard(
        CONFIGURATIONS["plain"], list(chosen.names), list(chosen.palette), categories=list(chosen.categories))
    save_model(path, PyramidShuffleNetV2(classes, card.configuration), card, half=False)
    return path


def test_the_command_gives_the_same_numbers_from_a_model_and_from_its_class_maps(tmp_path: Path) -> None:
    root = camvid(tmp_path / "camvid", count=3)
    common = ["--images", str(root / "val"), "--labels", str(root / "valannot"), "--json"]

    def run(*arguments: str) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-m", "segmentd_training.evaluate", *arguments, *common], cwd=ROOT, check=True,
            capture_output=True, text=True)
        return json.loads(done.stdout)

    path = model(tmp_path / "m.safetensors")
    from_model = run("--model", str(path), "--input", "48x64")

    from segmentd_training.safetensors_io import load_model
    network, card = load_model(path)
    segment = Segmenter(network, size=(48, 64), mean=card.mean, std=card.std)
    (tmp_path / "maps").mkdir()
    for i in range(3):
        Image.fromarray(segment(street(100 + i)[0])).save(tmp_path / "maps" / f"{i:03}.png")
    head = {k: from_model.pop(k) for k in ("model", "size", "fit", "images")}
    assert head == {"model": "m", "size": "48x64", "fit": "stretch", "images": 3}
    from_maps = run("--predictions", str(tmp_path / "maps"))
    assert [from_maps.pop(k) for k in head] == [None, None, None, 3]
    assert from_maps == from_model
    assert {"mean_iou", "class_iou", "category_iou", "pixel_accuracy", "boundary_f"} <= from_model.keys()


def test_a_submission_has_cityscapes_label_ids_in_the_picture_s_size(tmp_path: Path) -> None:
    root = cityscapes(tmp_path, split="test")
    written = submission.write(model(tmp_path / "m.safetensors", 19), root, "test", tmp_path / "out", (32, 48))
    assert written == 4
    with Image.open(tmp_path / "out/aachen_000000_000019_pred_labelIds.png") as image:
        assert image.size == (64, 48) and set(np.unique(np.asarray(image))) <= set(CITYSCAPES_LABEL_IDS)
    with pytest.raises(ValueError, match="a submission needs Cityscapes' nineteen"):
        submission.write(model(tmp_path / "s.safetensors"), root, "test", tmp_path / "out", (32, 48))

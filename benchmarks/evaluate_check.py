"""`segmentd evaluate` against independent implementations, on the same class maps.

The maps are those that `segmentd segment` writes; they are read, brought to the labels' size, and counted here with
numpy alone, by torchmetrics (IoU of classes and categories) where it is installed, and by scipy's Euclidean distance
transform (boundaries). Prints every number of both sides, and exits with 0 if the largest difference is within the limit.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors import safe_open
from scipy.ndimage import distance_transform_edt

from tracing import ROOT, shared

_MODEL = ROOT / "Sources/Networks/Resources/models/street11.safetensors"
_IGNORED = 255


def segmentd(program: Path, *arguments: str) -> str:
    result = subprocess.run([str(program), *arguments], capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"segmentd {' '.join(arguments)}\nended with {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def samples(images: Path, labels: Path, maps: Path, classes: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Label and prediction of each picture, at the label's size; what is no class is 255 in the label."""
    pictures = sorted(path for path in images.iterdir() if path.suffix.lower() in (".png", ".jpg", ".jpeg"))
    written = sorted(maps.glob("frame_*.png"))
    if len(pictures) != len(written):
        raise SystemExit(f"{len(pictures)} pictures in {images}, and segment wrote {len(written)} maps")
    for picture, path in zip(pictures, written):
        label = np.array(Image.open(labels / f"{picture.stem}.png"))
        found = np.array(Image.open(path))  # of a palette picture these are the indices
        rows, columns = (np.floor((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(label.shape, found.shape))
        yield np.where(label < classes, label, _IGNORED), found[np.ix_(rows, columns)]


def iou(pairs: list[tuple[np.ndarray, np.ndarray]], groups: list[int]) -> list[float | None]:
    """Intersection over union of each group of classes, by numpy's sets of pixels."""
    lookup = np.full(256, _IGNORED)
    lookup[: len(groups)] = groups
    shown, both, either = (np.zeros(max(groups) + 1, np.int64) for _ in range(3))
    for truth, found in pairs:
        counted = truth != _IGNORED
        truth, found = lookup[truth[counted]], lookup[found[counted]]
        for group in range(len(shown)):
            shown[group] += (truth == group).sum()
            both[group] += ((truth == group) & (found == group)).sum()
            either[group] += ((truth == group) | (found == group)).sum()
    return [100 * b / e if s else None for s, b, e in zip(shown, both, either)]


def torchmetrics_iou(pairs: list[tuple[np.ndarray, np.ndarray]], groups: list[int]) -> list[float] | None:
    """The same by torchmetrics; None where it is not installed."""
    try:
        import torch
        from torchmetrics.classification import MulticlassJaccardIndex
    except ImportError:
        return None
    lookup = np.full(256, _IGNORED)
    lookup[: len(groups)] = groups
    metric = MulticlassJaccardIndex(max(groups) + 1, average="none", ignore_index=_IGNORED)
    for truth, found in pairs:
        metric.update(torch.from_numpy(lookup[found].ravel()), torch.from_numpy(lookup[truth].ravel()))
    return (100 * metric.compute().double()).tolist()


def boundary(map_: np.ndarray, counted: np.ndarray, class_: int) -> np.ndarray:
    """The pixels of the class that touch another class, by a side, among those that are counted."""
    mine = (map_ == class_) & counted
    other = np.pad((map_ != class_) & counted, 1)
    return mine & (other[:-2, 1:-1] | other[2:, 1:-1] | other[1:-1, :-2] | other[1:-1, 2:])


def boundary_f(pairs: list[tuple[np.ndarray, np.ndarray]], classes: int) -> list[float | None]:
    matched, total = np.zeros((2, classes)), np.zeros((2, classes))
    for truth, found in pairs:
        counted = truth != _IGNORED
        tolerance = np.ceil(0.0075 * np.hypot(*truth.shape))
        for class_ in range(classes):
            edges = [boundary(truth, counted, class_), boundary(found, counted, class_)]
            for side, (mine, others) in enumerate((edges, edges[::-1])):
                total[side, class_] += mine.sum()
                if mine.any() and others.any():
                    matched[side, class_] += (distance_transform_edt(~others)[mine] <= tolerance).sum()
    scores: list[float | None] = []
    for class_ in range(classes):
        if total[0, class_] == 0:
            scores.append(None)
            continue
        recall, precision = matched[:, class_] / np.maximum(total[:, class_], 1)
        scores.append(100 * 2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    return scores


def mean(values: list[float | None]) -> float:
    return float(np.mean([value for value in values if value is not None]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segmentd", type=Path, default=ROOT / ".build/release/segmentd")
    parser.add_argument("--images", type=Path, help="default: ../shared/labelled/camvid/val")
    parser.add_argument("--labels", type=Path, help="default: ../shared/labelled/camvid/valannot")
    parser.add_argument("--model", type=Path, default=_MODEL)
    parser.add_argument("--size", default="768x1024", help="of the network's input, height x width")
    parser.add_argument("--limit", type=float, default=0.05, help="points that may lie between both sides")
    arguments = parser.parse_args()
    images = arguments.images or shared("labelled") / "camvid/val"
    labels = arguments.labels or shared("labelled") / "camvid/valannot"
    with safe_open(arguments.model, framework="numpy") as file:
        metadata = file.metadata()
    names = json.loads(metadata["classes"])
    categories = json.loads(metadata.get("categories", "null"))
    options = ["--model", str(arguments.model), "--size", arguments.size]

    report = json.loads(
        segmentd(arguments.segmentd, "evaluate", "--images", str(images), "--labels", str(labels), "--json", *options))
    with tempfile.TemporaryDirectory(prefix="segmentd-evaluate-") as folder:
        segmentd(arguments.segmentd, "segment", str(images), "-o", f"{folder}/", "--style", "ids", "--resolution",
                 "mask", *options)
        pairs = list(samples(images, labels, Path(folder), len(names)))

    rows: list[tuple[str, float | None, dict[str, float | None]]] = []
    identity = list(range(len(names)))
    values, metric = iou(pairs, identity), torchmetrics_iou(pairs, identity)
    edges = boundary_f(pairs, len(names))
    for i, name in enumerate(names):
        others = {"numpy": values[i]}
        if metric is not None and values[i] is not None:  # torchmetrics gives 0 for a class that is not shown
            others["torchmetrics"] = metric[i]
        rows.append((f"IoU {name}", report["class_iou"][name], others))
        rows.append((f"boundary F {name}", report["class_boundary_f"][name], {"numpy": edges[i]}))
    means = {"numpy": mean(values)}
    if metric is not None:
        means["torchmetrics"] = mean([m for m, v in zip(metric, values) if v is not None])
    rows.append(("mean IoU", report["mean_iou"], means))
    if categories is not None:
        order = list(dict.fromkeys(categories))
        groups = [order.index(category) for category in categories]
        merged = iou(pairs, groups)
        rows += [(f"IoU {c}", report["category_iou"][c], {"numpy": v}) for c, v in zip(order, merged)]
        rows.append(("mean category IoU", report["mean_category_iou"], {"numpy": mean(merged)}))
    right = sum(int(((truth == found) & (truth != _IGNORED)).sum()) for truth, found in pairs)
    counted = sum(int((truth != _IGNORED).sum()) for truth, _ in pairs)
    rows.append(("pixel accuracy", report["pixel_accuracy"], {"numpy": 100 * right / counted}))
    rows.append(("mean boundary F", report["boundary_f"], {"numpy": mean(edges)}))

    print(f"{len(pairs)} pictures, {counted} pixels counted, model {report['model']} at {report['size']}")
    print(f"{'':<24} {'segmentd':>10} {'numpy':>10} {'torchmetrics':>13}")
    worst = 0.0 if (report["images"], report["pixels"]) == (len(pairs), counted) else float("inf")
    for name, ours, others in rows:
        cells = [f"{'–' if value is None else f'{value:.4f}'}" for value in (ours, others["numpy"])]
        cells.append(f"{others['torchmetrics']:.4f}" if "torchmetrics" in others else "")
        print(f"{name:<24} {cells[0]:>10} {cells[1]:>10} {cells[2]:>13}")
        for other in others.values():
            same = ours is None and other is None
            worst = max(worst, 0.0 if same else float("inf") if ours is None or other is None else abs(ours - other))
    if metric is None:
        print("torchmetrics is not installed: compared with numpy alone")
    print(f"{'PASS' if worst <= arguments.limit else 'FAIL'}: {worst:.5f} points at most, allowed {arguments.limit:g}")
    return 0 if worst <= arguments.limit else 1


if __name__ == "__main__":
    sys.exit(main())

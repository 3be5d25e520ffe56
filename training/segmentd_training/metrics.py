"""The numbers of Tables I and III, and the boundary F-score: counted over a data set, picture by picture.

A prediction and a label are (H, W) arrays of class ids of one size; pixels whose label is no class id do not count.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from .classes import ClassSet

#: How far a boundary may be off, as a share of the picture's diagonal, rounded up to whole pixels.
BOUNDARY_TOLERANCE = 0.0075


def nearest(map_: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A class map sampled at the centres of the pixels of `size` (height, width)."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.intp) for new, old in zip(size, map_.shape))
    return map_[rows[:, None], columns]


def intersection_over_union(matrix: np.ndarray) -> np.ndarray:
    """IoU of each class of a confusion matrix (label, prediction), NaN for classes that no label has."""
    correct = np.diag(matrix).astype(np.float64)
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - correct
    return np.where(matrix.sum(axis=1) > 0, correct / np.maximum(union, 1), np.nan)


class Confusion:
    """Counts of pixels: `matrix[label, prediction]`."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.matrix = np.zeros((classes, classes), np.int64)

    def add(self, prediction: np.ndarray, label: np.ndarray) -> None:
        _check(prediction, label, self.classes)
        counted = label < self.classes
        pairs = label[counted].astype(np.int64) * self.classes + prediction[counted]
        self.matrix += np.bincount(pairs, minlength=self.classes**2).reshape(self.classes, self.classes)

    def merged(self, groups: list[int], count: int) -> np.ndarray:
        """The matrix with class i counted as group `groups[i]`."""
        merged = np.zeros((count, count), np.int64)
        np.add.at(merged, (np.array(groups)[:, None], np.array(groups)[None, :]), self.matrix)
        return merged

    @property
    def pixel_accuracy(self) -> float:
        total = self.matrix.sum()
        return float(np.trace(self.matrix) / total) if total else math.nan


class Boundaries:
    """Boundary F-score: for each class, precision and recall of its boundary pixels within a tolerance."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        #: By class: predicted pixels near a true one, predicted, true pixels near a predicted one, true.
        self.counts = np.zeros((4, classes), np.int64)

    def add(self, prediction: np.ndarray, label: np.ndarray) -> None:
        _check(prediction, label, self.classes)
        valid = label < self.classes
        disk = _disk(math.ceil(BOUNDARY_TOLERANCE * math.hypot(*label.shape)))
        found, true = _edge_pixels(prediction, valid), _edge_pixels(label, valid)
        for index in range(self.classes):
            ours = (found & (prediction == index)).astype(np.uint8)
            theirs = (true & (label == index)).astype(np.uint8)
            near_theirs, near_ours = cv2.dilate(theirs, disk), cv2.dilate(ours, disk)
            self.counts[:, index] += (
                int((ours & near_theirs).sum()), int(ours.sum()), int((theirs & near_ours).sum()), int(theirs.sum()))

    def scores(self) -> np.ndarray:
        """F of each class, NaN for classes without a boundary in any label."""
        matched, found, recalled, true = self.counts.astype(np.float64)
        precision = matched / np.maximum(found, 1)
        recall = recalled / np.maximum(true, 1)
        f = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        return np.where(true > 0, f, np.nan)


def _check(prediction: np.ndarray, label: np.ndarray, classes: int) -> None:
    if prediction.shape != label.shape:
        raise ValueError(
            f"the prediction is {prediction.shape[1]}x{prediction.shape[0]}, its label {label.shape[1]}x{label.shape[0]}")
    if int(prediction.max(initial=0)) >= classes:
        raise ValueError(f"the prediction has the id {prediction.max()}, the model {classes} classes")


def _disk(radius: int) -> np.ndarray:
    """Every offset whose Euclidean length is at most `radius`."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return (x * x + y * y <= radius * radius).astype(np.uint8)


def _edge_pixels(map_: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Valid pixels with a valid neighbour above, below, left or right that has another value."""
    edge = np.zeros(map_.shape, bool)
    rows = (map_[1:] != map_[:-1]) & valid[1:] & valid[:-1]
    columns = (map_[:, 1:] != map_[:, :-1]) & valid[:, 1:] & valid[:, :-1]
    edge[1:] |= rows
    edge[:-1] |= rows
    edge[:, 1:] |= columns
    edge[:, :-1] |= columns
    return edge


def report(confusion: Confusion, boundaries: Boundaries | None, classes: ClassSet) -> dict[str, object]:
    """What `segmentd evaluate --json` prints, in percent; null for classes and categories that no label
    has, and for the categories of a model that names none."""
    def percent(value: float) -> float | None:
        return None if math.isnan(value) else round(100 * float(value), 4)

    def mean(values: np.ndarray) -> float:
        present = values[~np.isnan(values)]
        return float(present.mean()) if present.size else math.nan

    ious = intersection_over_union(confusion.matrix)
    categories = classes.category_names
    groups = [categories.index(c) for c in classes.categories]
    category_ious = intersection_over_union(confusion.merged(groups, len(categories))) if categories else np.array([])
    result: dict[str, object] = {
        "mean_iou": percent(mean(ious)),
        "class_iou": {n: percent(v) for n, v in zip(classes.names, ious)},
        "mean_category_iou": percent(mean(category_ious)),
        "category_iou": {n: percent(v) for n, v in zip(categories, category_ious)} if categories else None,
        "pixel_accuracy": percent(confusion.pixel_accuracy),
    }
    if boundaries is not None:
        scores = boundaries.scores()
        result["boundary_f"] = percent(mean(scores))
        result["class_boundary_f"] = {n: percent(v) for n, v in zip(classes.names, scores)}
    return result

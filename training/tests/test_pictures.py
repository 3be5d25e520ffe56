"""Reading labelled pictures: layouts, ids, and what is said of folders that are not what they should be."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from miniature import camvid, cityscapes, street
from segmentd_training import pictures
from segmentd_training.classes import CITYSCAPES19, CITYSCAPES_LABEL_IDS, CITYSCAPES_VOID_IDS, IGNORED, STREET11


def test_cityscapes_ids_become_train_ids(tmp_path: Path) -> None:
    found = pictures.cityscapes(cityscapes(tmp_path), "train")
    assert len(found) == 4 and found.classes is CITYSCAPES19
    _, ids = found.read(0)
    _, label = street(len("aachen"))
    for region, name in ((0, "sky"), (1, "building"), (3, "road"), (8, "car")):
        assert (ids[label == region] == CITYSCAPES19.names.index(name)).all()
    assert (ids[label == 11] == IGNORED).all()


def test_cityscapes_34_ids_are_19_classes_in_7_categories_and_the_rest_void() -> None:
    assert len(CITYSCAPES_LABEL_IDS) == len(CITYSCAPES19) == 19
    assert set(CITYSCAPES_LABEL_IDS) | set(CITYSCAPES_VOID_IDS) == {*range(34), 255}
    assert CITYSCAPES19.category_names == (
        "flat", "construction", "object", "nature", "sky", "human", "vehicle")


def test_camvid_s_void_is_ignored_and_its_pixels_are_rgb(tmp_path: Path) -> None:
    found = pictures.camvid(camvid(tmp_path), "train")
    picture, ids = found.read(2)
    expected, label = street(2)
    assert np.array_equal(picture, expected)
    assert np.array_equal(ids, np.where(label == 11, IGNORED, label))


def test_a_label_of_palette_entries_keeps_its_ids(tmp_path: Path) -> None:
    _, label = street(1)
    image = Image.fromarray(label, "L").convert("P")
    image.putdata(label.ravel().tolist())
    image.putpalette([c for colour in (*STREET11.palette, (0, 0, 0)) for c in colour])
    image.save(tmp_path / "label.png")
    assert Image.open(tmp_path / "label.png").mode == "P"
    assert np.array_equal(pictures.read_label(tmp_path / "label.png"), label)


def test_a_drive_s_frames_have_its_labels(tmp_path: Path) -> None:
    (tmp_path / "ids").mkdir()
    writer = cv2.VideoWriter(str(tmp_path / "drive.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 48))
    for i in range(3):
        picture, label = street(i)
        writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        Image.fromarray(np.where(label == 11, 3, label)).save(tmp_path / "ids" / f"frame_{i:06}.png")
    writer.release()
    found = pictures.drive(tmp_path / "drive.avi", tmp_path / "ids")
    assert len(found) == 3
    picture, ids = found.read(1)
    assert np.abs(picture.astype(int) - street(1)[0]).mean() < 12 and ids.max() == 8
    (tmp_path / "ids/frame_000002.png").unlink()
    with pytest.raises(ValueError, match="the video has 3 frames or more, .*ids has 2 labels"):
        pictures.drive(tmp_path / "drive.avi", tmp_path / "ids")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"camvid train: there is no folder .*/nowhere/trainannot"):
        pictures.camvid(tmp_path / "nowhere", "train")
    with pytest.raises(ValueError, match=r"cityscapes val: there is no folder .*/leftImg8bit/val"):
        pictures.cityscapes(cityscapes(tmp_path), "val")


def test_a_picture_without_label_is_named(tmp_path: Path) -> None:
    root = camvid(tmp_path)
    (root / "trainannot/004.png").unlink()
    with pytest.raises(ValueError, match=r"1 of 6 pictures have no label in .*, the first is 004.png: expected 004.png"):
        pictures.camvid(root, "train")


def test_a_label_without_picture_is_named(tmp_path: Path) -> None:
    root = camvid(tmp_path)
    (root / "train/004.png").unlink()
    with pytest.raises(ValueError, match=r"1 of 6 labels have no picture in .*, the first is 004.png"):
        pictures.camvid(root, "train")


def test_a_grey_label_of_two_bits_is_refused_and_a_palette_of_two_bits_read(tmp_path: Path) -> None:
    def png(colour: int, *more: bytes) -> Path:
        """A row of the values 0, 1, 2, 3."""
        def chunk(kind: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        header = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 1, 2, colour, 0, 0, 0))
        path = tmp_path / f"{colour}.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + b"".join(chunk(b"PLTE", m) for m in more)
                         + chunk(b"IDAT", zlib.compress(b"\0\x1b")) + chunk(b"IEND", b""))
        return path

    with pytest.raises(ValueError, match=r"0.png is a grey PNG of less than eight bits \(L;2\)"):
        pictures.read_label(png(0))
    assert pictures.read_label(png(3, bytes(12))).tolist() == [[0, 1, 2, 3]]


def test_an_id_that_is_no_class_is_refused_with_its_place(tmp_path: Path) -> None:
    root = camvid(tmp_path)
    label = street(0)[1]
    label[5, 7] = 12
    Image.fromarray(label).save(root / "trainannot/000.png")
    with pytest.raises(ValueError, match=r"000.png has the value 12 at x 7, y 5; .* values 0, 1, .*, 11, 255"):
        pictures.camvid(root, "train").read(0)


def test_sizes_that_differ_are_refused(tmp_path: Path) -> None:
    root = camvid(tmp_path)
    Image.fromarray(street(0, 32, 64)[1]).save(root / "trainannot/000.png")
    with pytest.raises(ValueError, match=r"is 64x48 but its label .* is 64x32"):
        pictures.camvid(root, "train").read(0)


def test_a_label_in_colour_is_refused(tmp_path: Path) -> None:
    root = camvid(tmp_path)
    Image.fromarray(street(0)[0]).save(root / "trainannot/000.png")
    with pytest.raises(ValueError, match="kind 'RGB'; a label is a PNG of one eight-bit channel"):
        pictures.camvid(root, "train").read(0)


@pytest.mark.parametrize("text", ["", "camvid", "camvid:", "folder:a", "kitti:a", "camvid:a:b"])
def test_data_that_cannot_be_understood_says_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected cityscapes:ROOT, camvid:ROOT, folder:IMAGES:LABELS or drive:VIDEO"):
        pictures.parse_source(text, "train")


def test_a_weight_follows_the_data(tmp_path: Path) -> None:
    found, weight = pictures.parse_source(f"camvid:{camvid(tmp_path)}@0.25", "val")
    assert (found.name, weight) == ("camvid val", 0.25)
    with pytest.raises(ValueError, match="must be above zero"):
        pictures.parse_source(f"camvid:{tmp_path}@-1", "val")

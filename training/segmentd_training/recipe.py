"""Recipes: everything that decides what a training run computes, as one value with named presets."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal

from .augmentation import Augmentation
from .network import CONFIGURATIONS


@dataclass(frozen=True)
class Recipe:
    """The defaults are the paper's (section IV.A); what it leaves open is marked."""

    configuration: str = "efficient"
    steps: int = 60_000  #: open: about 320 turns over Cityscapes' 2975 pictures
    batch: int = 16  #: over all processes
    seed: int = 0

    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = 2.5e-2
    schedule: Literal["poly", "cosine", "constant"] = "poly"
    power: float = 0.9
    final_rate: float = 0.0  #: where a cosine ends, as a share of `learning_rate`
    warmup: int = 0
    momentum: float = 0.9
    weight_decay: float = 5e-4  #: open; convolutions that mix channels only, the rest has none
    clip: float = 0.0  #: largest norm of the gradient, 0 for any
    average: float = 0.0  #: EMA of the weights: what each step keeps of it; 0 for none
    batch_norm_momentum: float = 0.1
    #: Batch norms keep the statistics they start with: for batches too small to give any, and a start that has good ones.
    frozen_statistics: bool = False

    #: On a CPU all but depthwise convolutions in bfloat16, for one that has instructions for it (AVX-512 BF16, AMX). A GPU
    #: computes in float16 where it can in any case.
    bfloat16: bool = False

    crop: tuple[int, int] = (768, 768)  #: open
    scales: tuple[float, ...] = (0.75, 1.0, 1.5, 1.75, 2.0)
    continuous_scales: bool = False
    reference_height: int = 0
    aspect: float = 0.0
    rotation: float = 0.0
    light: float = 0.0
    blur: float = 0.0
    biased: float = 0.0
    paste: float = 0.0
    mix: float = 0.0
    label_stride: int = 1  #: the loss is computed at 1 / this of the crop's size: 1, 2 or 4

    weight_power: float = 0.0  #: class weights, frequency^-power
    edge_weight: float = 0.0
    hardest: float = 1.0  #: OHEM: the share of the pixels that counts
    lovasz: float = 0.0  #: times the Lovász form of IoU, at a quarter of the crop's size

    def __post_init__(self) -> None:
        def check(name: str, fine: bool, expected: str) -> None:
            if not fine:
                raise ValueError(f"the recipe's {name} is {getattr(self, name)!r}; expected {expected}")

        check("configuration", self.configuration in CONFIGURATIONS, " or ".join(CONFIGURATIONS))
        check("crop", len(self.crop) == 2 and all(s > 0 and s % 16 == 0 for s in self.crop), "two multiples of 16")
        check("optimizer", self.optimizer in ("sgd", "adamw"), "sgd or adamw")
        check("schedule", self.schedule in ("poly", "cosine", "constant"), "poly, cosine or constant")
        check("label_stride", self.label_stride in (1, 2, 4), "1, 2 or 4")
        check("scales", bool(self.scales) and min(self.scales) > 0, "factors above zero")
        check("hardest", 0 < self.hardest <= 1, "a share above 0, at most 1")
        check("average", 0 <= self.average < 1, "at least 0 and below 1")
        for name in ("steps", "batch", "learning_rate"):
            check(name, getattr(self, name) > 0, "a number above zero")
        for name in ("power", "warmup", "weight_decay", "clip", "reference_height", "aspect", "rotation", "light",
                     "weight_power", "edge_weight", "lovasz"):
            check(name, getattr(self, name) >= 0, "a number, at least 0")
        check("momentum", 0 <= self.momentum < 1, "at least 0 and below 1")
        for name in ("final_rate", "batch_norm_momentum", "blur", "biased", "paste", "mix"):
            check(name, 0 <= getattr(self, name) <= 1, "a share from 0 to 1")

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        share = step / self.steps
        if self.schedule == "poly":
            factor = (1 - share) ** self.power
        elif self.schedule == "cosine":
            factor = self.final_rate + (1 - self.final_rate) * (1 + math.cos(math.pi * share)) / 2
        else:
            factor = 1.0
        return self.learning_rate * factor * min(1.0, (step + 1) / self.warmup if self.warmup else 1.0)

    def augmentation(self) -> Augmentation:
        return Augmentation(
            crop=self.crop, scales=self.scales, continuous=self.continuous_scales,
            reference_height=self.reference_height, aspect=self.aspect, rotation=self.rotation, light=self.light,
            blur=self.blur, biased=self.biased, paste=self.paste, mix=self.mix, label_stride=self.label_stride)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        entries = json.loads(text)
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in entries.items()})

    def with_settings(self, settings: list[str]) -> Recipe:
        """`name=value` settings over this recipe; values as JSON, words as they are."""
        known = {f.name for f in fields(self)}
        changes: dict[str, object] = {}
        for setting in settings:
            name, equals, text = setting.partition("=")
            if not equals or name not in known:
                raise ValueError(f"cannot set {setting!r}: expected NAME=VALUE, NAME one of {', '.join(sorted(known))}")
            try:
                value = json.loads(text)
            except json.JSONDecodeError:
                value = text
            if isinstance(value, list):
                value = tuple(value)
            present = getattr(self, name)
            if isinstance(present, float) and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            if type(value) is not type(present):
                raise ValueError(f"cannot set {setting!r}: {name} is a {type(present).__name__} such as {present!r}")
            changes[name] = value
        return replace(self, **changes)


PRESETS = {
    "paper": Recipe(),
    # Small pictures (480x360) for a network that sees 768x1024: they are enlarged around the factor 2.13 between the two.
    "street": Recipe(
        steps=3000, batch=8, optimizer="adamw", learning_rate=1e-3, schedule="cosine", final_rate=0.01, warmup=40,
        weight_decay=0.02, clip=3.0, average=0.998, batch_norm_momentum=0.05, crop=(384, 512), scales=(1.2, 2.6),
        continuous_scales=True, reference_height=360, aspect=0.16, rotation=1.5, light=1.0, blur=0.12, biased=0.6,
        label_stride=2, weight_power=0.4, edge_weight=1.0, lovasz=0.5),
}

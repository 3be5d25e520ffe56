"""The paper's network, row by row of Table II, with the units of Figure 1 and the pooling of Figure 3.

Shapes are (N, C, H, W). Names of parameters and buffers are the tensor names of segmentd's model files
(docs/network.md), so a state dict and a model file differ only in `num_batches_tracked`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import convolutions

VortexKind = Literal["none", "full", "efficient"]

#: What the engine calls the places where activations are compared, in the order of the graph.
BLOCKS = ("stem", "pool", "stage1", "stage2", "stage3", "vortex", "head", "classifier", "logits")


@dataclass(frozen=True)
class Configuration:
    """A row of Table IV."""

    pyramid: bool
    vortex: VortexKind


CONFIGURATIONS = {
    "plain": Configuration(pyramid=False, vortex="none"),
    "pyramid": Configuration(pyramid=True, vortex="none"),
    "full": Configuration(pyramid=True, vortex="full"),
    "efficient": Configuration(pyramid=True, vortex="efficient"),
}


class ConvBN(nn.Module):
    """Convolution without bias, batch normalisation, and ReLU where the paper draws one.

    (N, in, H, W) -> (N, out, ceil(H / stride), ceil(W / stride)): the padding keeps the size at stride 1.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, dilation: int = 1, groups: int = 1,
        relu: bool = True,
    ) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-5)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        x = self._with_frozen_statistics(x) if self.training and not self.bn.training else self.bn(self.conv(x))
        return F.relu(x) if self.relu else x

    def _with_frozen_statistics(self, x: Tensor) -> Tensor:
        """The same function of the same parameters, without a pass over the pixels for the batch norm's part."""
        conv, norm = self.conv, self.bn
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        weight, bias = conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale
        if conv.groups > 1 and x.device.type == "cpu":
            return convolutions.depthwise(x, weight, bias, stride=conv.stride[0], dilation=conv.dilation[0])
        return F.conv2d(x, weight, bias, conv.stride, conv.padding, conv.dilation, conv.groups)


def depthwise(channels: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> ConvBN:
    """A depthwise convolution with its batch normalisation: no ReLU follows one anywhere in the network."""
    return ConvBN(channels, channels, kernel, stride=stride, dilation=dilation, groups=channels, relu=False)


def channel_shuffle(left: Tensor, right: Tensor) -> Tensor:
    """Concatenates and shuffles with two groups: out[2i] = left[i], out[2i + 1] = right[i]."""
    return torch.stack((left, right), dim=2).flatten(1, 2)


class Shortcut(nn.Module):
    """The left way of a down-sampling unit (Figure 1(b)): (N, in, H, W) -> (N, out, H / stride, W / stride)."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.depthwise = depthwise(inputs, 3, stride=stride)
        self.pointwise = ConvBN(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))


class Unit(nn.Module):
    """Figure 1: reduce, a pyramid of depthwise convolutions joined by equation (1), fuse; concatenate and shuffle.

    Basic unit (inputs == outputs): the first half of the channels passes by, the last half goes through.
    Down-sampling unit (inputs != outputs): all channels go both ways, and `shortcut` is the left one.
    """

    def __init__(
        self, inputs: int, outputs: int, kernels: tuple[int, ...], *, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        half = outputs // 2
        self.downsamples = inputs != outputs
        if self.downsamples:
            self.shortcut = Shortcut(inputs, half, stride=stride)
        self.reduce = ConvBN(inputs if self.downsamples else half, half, 1)
        self.pyramid = nn.ModuleList(depthwise(half, k, stride=stride, dilation=dilation) for k in kernels)
        self.fuse = ConvBN(len(kernels) * half, half, 1)

    def forward(self, x: Tensor) -> Tensor:
        left, right = (self.shortcut(x), x) if self.downsamples else x.chunk(2, dim=1)
        right = self.reduce(right)
        sums: list[Tensor] = []
        for level in self.pyramid:
            y = level(right)
            sums.append(sums[-1] + y if sums else y)
        return channel_shuffle(left, self.fuse(torch.cat(sums, dim=1)))


def stage(
    inputs: int, outputs: int, kernels: tuple[int, ...], *, stride: int, dilations: tuple[int, ...]
) -> nn.Sequential:
    """A row group of Table II: one down-sampling unit, then one basic unit for each dilation."""
    first = Unit(inputs, outputs, kernels, stride=stride)
    return nn.Sequential(first, *(Unit(outputs, outputs, kernels, dilation=d) for d in dilations))


class VortexPooling(nn.Module):
    """Figure 3: (N, in, h, w) -> (N, out, h, w). Each rate k averages k x k, then convolves with dilation k.

    The full form's branches are ConvBN + ReLU. The efficient form's depthwise convolutions have no ReLU and leave
    their pointwise half to `project`: a 1x1 convolution over the concatenation is the sum of one for each branch.
    """

    RATES = (1, 3, 9, 27)

    def __init__(self, inputs: int, outputs: int, *, efficient: bool) -> None:
        super().__init__()
        self.image_pool = ConvBN(inputs, inputs, 1)
        self.branches = nn.ModuleList(
            depthwise(inputs, 3, dilation=k) if efficient else ConvBN(inputs, inputs, 3, dilation=k) for k in self.RATES
        )
        self.project = ConvBN((1 + len(self.RATES)) * inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.image_pool(x.mean((2, 3), keepdim=True)).expand_as(x)]
        for k, branch in zip(self.RATES, self.branches):
            pooled = F.avg_pool2d(x, k, stride=1, padding=k // 2, count_include_pad=False) if k > 1 else x
            parts.append(branch(pooled))
        return self.project(torch.cat(parts, dim=1))


def upsample4(x: Tensor) -> Tensor:
    """Bilinear x4 with half-pixel centres."""
    return F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)


class PyramidShuffleNetV2(nn.Module):
    """Table II: a normalised RGB image (N, 3, H, W), H and W multiples of 16, to logits (N, classes, H, W)."""

    def __init__(self, classes: int, configuration: Configuration = CONFIGURATIONS["efficient"]) -> None:
        super().__init__()
        self.configuration = configuration
        kernels = (3, 5, 7) if configuration.pyramid else (3,)
        self.stem = ConvBN(3, 24, 3, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stage1 = stage(24, 116, kernels, stride=2, dilations=(1,) * 3)
        self.stage2 = stage(116, 232, kernels, stride=2, dilations=(1,) * 7)
        self.stage3 = stage(232, 464, (3,), stride=1, dilations=(1, 2, 3))
        if configuration.vortex == "none":
            self.vortex, features = None, 464
        else:
            self.vortex, features = VortexPooling(464, 256, efficient=configuration.vortex == "efficient"), 256
        self.head = ConvBN(features, 128, 3)
        self.classifier = nn.Conv2d(128, classes, 1)

    def activations(self, image: Tensor) -> dict[str, Tensor]:
        """What each of `BLOCKS` gives for the image, by name (no `vortex` where the configuration has none)."""
        height, width = image.shape[-2:]
        if height % 16 or width % 16:
            raise ValueError(f"the image must have a height and width that are multiples of 16, not {height}x{width}")
        at: dict[str, Tensor] = {}
        at["stem"] = self.stem(image)
        at["pool"] = self.pool(at["stem"])
        at["stage1"] = self.stage1(at["pool"])
        at["stage2"] = self.stage2(at["stage1"])
        at["stage3"] = features = self.stage3(at["stage2"])
        if self.vortex is not None:
            at["vortex"] = features = self.vortex(features)
        at["head"] = self.head(upsample4(features))
        at["classifier"] = self.classifier(at["head"])
        at["logits"] = upsample4(at["classifier"])
        return at

    def forward(self, image: Tensor) -> Tensor:
        return self.activations(image)["logits"]


def parameter_count(network: nn.Module) -> int:
    """Trainable parameters: running statistics are not counted."""
    return sum(p.numel() for p in network.parameters())

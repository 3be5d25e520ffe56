"""Depthwise convolutions for training on a CPU: torch's function of the same tensors, where torch's own way is slow.

oneDNN has fast code for a depthwise convolution forward and for its input's gradient, and for its kernel's gradient only
at 3 x 3; with a dilation, in half precision for some strides, it falls back to a loop in plain C++. So here

- a dilated convolution is one without dilation on each of the dilation^2 pictures that every dilation-th pixel makes;
- the gradient of a larger kernel is put together from those of 3 x 3 kernels on shifted pictures;
- everything is in the precision of the weights, also where autocast has the rest in half.

Memory is expected in torch's channels-last order; any other works, slowly.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx

#: With larger dilations the pictures of `_dilated` become too small and too many.
_LARGEST_DILATION = 16


def depthwise(x: Tensor, weight: Tensor, bias: Tensor, *, stride: int, dilation: int) -> Tensor:
    """(N, C, H, W), kernels (C, 1, k, k), biases (C,) -> (N, C, ceil(H / stride), ceil(W / stride)), zeros outside."""
    with torch.autocast("cpu", enabled=False):
        x = x.to(weight.dtype)
        if stride == 1 and 1 < dilation <= _LARGEST_DILATION:
            return _dilated(x, weight, bias, dilation)
        if stride == 1 and dilation == 1:
            return _Dense.apply(x, weight, bias)
        channels, _, kernel, _ = weight.shape
        return F.conv2d(x, weight, bias, stride, dilation * (kernel // 2), dilation, channels)


def _dilated(x: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
    n, channels, height, width = x.shape
    rows, columns = -(-height // dilation), -(-width // dilation)
    padding = (0, 0, 0, columns * dilation - width, 0, rows * dilation - height)
    y = F.pad(x.permute(0, 2, 3, 1), padding).reshape(n, rows, dilation, columns, dilation, channels)
    y = y.permute(0, 2, 4, 1, 3, 5).reshape(n * dilation**2, rows, columns, channels).permute(0, 3, 1, 2)
    y = _Dense.apply(y, weight, bias).permute(0, 2, 3, 1).reshape(n, dilation, dilation, rows, columns, channels)
    y = y.permute(0, 3, 1, 4, 2, 5).reshape(n, rows * dilation, columns * dilation, channels)
    return y[:, :height, :width].permute(0, 3, 1, 2)


class _Dense(torch.autograd.Function):
    """Stride and dilation 1, an odd kernel."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        channels, _, kernel, _ = weight.shape
        return F.conv2d(x, weight, bias, 1, kernel // 2, 1, channels)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        kernel = weight.shape[-1]
        towards_input = (
            _backward(gradient, x, weight, kernel // 2, (True, False, False))[0] if ctx.needs_input_grad[0] else None)
        return towards_input, _kernel_gradient(gradient, x, weight), gradient.sum((0, 2, 3))


def _backward(gradient: Tensor, x: Tensor, weight: Tensor, padding: int, wanted: tuple[bool, bool, bool]) -> list[Tensor]:
    return torch.ops.aten.convolution_backward(
        gradient, x, weight, None, [1, 1], [padding] * 2, [1, 1], False, [0, 0], weight.shape[0], list(wanted))


def _kernel_gradient(gradient: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    channels, _, kernel, _ = weight.shape
    if kernel <= 3:
        return _backward(gradient, x, weight, kernel // 2, (False, True, False))[1]
    tiles = -(-kernel // 3)
    height, width = gradient.shape[2] + 2, gradient.shape[3] + 2
    edge = (kernel // 2, kernel // 2 + 3 * tiles - kernel)
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, *edge, *edge))
    like = weight.new_empty(channels, 1, 3, 3)
    rows = []
    for top in range(0, 3 * tiles, 3):
        windows = (padded[:, top : top + height, left : left + width] for left in range(0, 3 * tiles, 3))
        rows.append(torch.cat([
            _backward(gradient, w.permute(0, 3, 1, 2), like, 0, (False, True, False))[1] for w in windows], dim=3))
    return torch.cat(rows, dim=2)[:, :, :kernel, :kernel]

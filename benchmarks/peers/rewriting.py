"""The network with its head rewritten in plain operations, the way that OpenVINO runs fastest (README.md).

Identity 3 of docs/network.md: a 3x3 convolution over a bilinear x4 upsampling, without the upsampled tensor. With W_t
the nine 1x1 slices of the kernel, one for each tap t = (i, j), and Y_t = W_t x at low resolution,

    out(p) = sum over t of [p + t inside the image] * upsample4(Y_t)(p + t) = sum over i, j of  A_i  Y_ij  B_j^T

since upsampling, shifting and the border are linear and separable: A_i (4h, h) is the rows' part, B_j (4w, w) the
columns'. Three matrix products do it, channels last, so that each one's result is the next one's operand as it lies in
memory, and the three taps of a direction are summed inside a product.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from segmentd_training.network import ConvBN, PyramidShuffleNetV2, upsample4
from segmentd_training.products import interpolation


def folded(block: ConvBN) -> tuple[Tensor, Tensor]:
    """Weights and bias with the batch normalisation in them, in double precision."""
    scale = block.bn.weight.double() / (block.bn.running_var.double() + block.bn.eps).sqrt()
    bias = block.bn.bias.double() - block.bn.running_mean.double() * scale
    return block.conv.weight.double() * scale[:, None, None, None], bias


class ProductHead(nn.Module):
    """Upsampling, head and classifier: (1, c, h, w) to (4h, 4w, n), channels last."""

    def __init__(self, network: PyramidShuffleNetV2, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width
        weights, bias = folded(network.head)
        outputs, inputs = weights.shape[:2]
        taps = (-1, 0, 1)
        # (i, c, (j, o)): three products of all pixels, one for each row of the kernel.
        self.register_buffer("slices", weights.permute(2, 1, 3, 0).reshape(3, inputs, 3 * outputs).float())
        # (4h, (i, h)), and (4w, (w, j)): the order in which the products before them leave their results.
        self.register_buffer("rows", torch.cat([interpolation(height, i) for i in taps], dim=1).float())
        columns = torch.stack([interpolation(width, j) for j in taps], dim=2)
        self.register_buffer("columns", columns.reshape(4 * width, 3 * width).float())
        self.register_buffer("bias", bias.float())
        self.register_buffer("classes", network.classifier.weight.detach()[:, :, 0, 0].T.contiguous())
        self.register_buffer("class_bias", network.classifier.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        h, w = self.height, self.width
        y = x.permute(0, 2, 3, 1).reshape(1, h * w, -1)
        y = torch.matmul(y, self.slices).reshape(3 * h, -1)
        y = torch.matmul(self.rows, y).reshape(4 * h, 3 * w, -1)
        y = torch.relu(torch.matmul(self.columns, y) + self.bias)
        return torch.matmul(y, self.classes) + self.class_bias


class ProductResize(nn.Module):
    """upsample4 as two matrix products: (n, height, width) to (1, n, 4 height, 4 width).

    The rows' matrix has two numbers in each row that are not zero, so the rows are cut into blocks that share one small
    matrix, each with the row before it and the row after it.
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        block = max(b for b in range(1, 17) if height % b == 0)
        starts = torch.arange(0, height, block)[:, None]
        self.register_buffer("gathered", (starts + torch.arange(-1, block + 1)).clamp(0, height - 1).flatten())
        self.register_buffer("rows", interpolation(block + 2, 0)[4:-4].float())
        self.register_buffer("columns", interpolation(width, 0).T.float().contiguous())
        self.height, self.block = height, block

    def forward(self, x: Tensor) -> Tensor:
        y = torch.matmul(x[:, self.gathered], self.columns).reshape(-1, self.block + 2, self.columns.shape[1])
        return torch.matmul(self.rows, y).reshape(1, -1, 4 * self.height, self.columns.shape[1])


class Rewritten(nn.Module):
    """(1, 3, H, W) to (1, n, H, W), h = H / 16, w = W / 16. With `resize`, the last upsampling too is products."""

    def __init__(self, network: PyramidShuffleNetV2, height: int, width: int, *, resize: bool) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            network.stem, network.pool, network.stage1, network.stage2, network.stage3, network.vortex)
        self.head = ProductHead(network, height, width)
        self.resize = ProductResize(4 * height, 4 * width) if resize else None

    def forward(self, image: Tensor) -> Tensor:
        logits = self.head(self.trunk(image)).permute(2, 0, 1)
        return upsample4(logits[None]) if self.resize is None else self.resize(logits)

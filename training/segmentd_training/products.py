"""The network's forward pass for training: the same function of the same parameters, with fewer multiplications.

Two parts are computed otherwise than in `network` (docs/network.md, identities 3 and 4), both exact but for rounding,
both differentiable:

- The head's 3x3 convolution over the x4 upsampling. With W_t the kernel's nine 1x1 slices, one for each tap t = (i, j),
  and Y_t = W_t x at low resolution, the result is the sum over i, j of A_i Y_ij B_j^T, where A_i upsamples and shifts
  rows and B_j columns: an eighth of the multiplications, and no 256-channel map at a quarter of the picture's size.
- Average pooling, separable too, as one product of rows and one of columns: PyTorch's visits k x k pixels for each.
- Vortex Pooling's projection of a concatenation as the sum of its parts' projections, that of image pooling on the one
  pixel that it is: no 2320-channel map.

Batch normalisation, and with it training mode, is not touched.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .network import PyramidShuffleNetV2, VortexPooling

_TAPS = (-1, 0, 1)


def interpolation(size: int, shift: int) -> Tensor:
    """(4 size, size): row p holds the weights of `network.upsample4` at p + shift, or zeros where that is outside."""
    rows = torch.zeros(4 * size, size, dtype=torch.float64)
    for p in range(4 * size):
        q = p + shift
        if 0 <= q < 4 * size:
            at = max((q + 0.5) / 4 - 0.5, 0.0)
            low = int(at)
            rows[p, low] += 1 - (at - low)
            rows[p, min(low + 1, size - 1)] += at - low
    return rows


def averaging(size: int, kernel: int) -> Tensor:
    """(size, size): row p holds the weights of the mean over the `kernel` places around p that are inside."""
    places = torch.arange(size)
    inside = ((places[:, None] - places[None, :]).abs() <= kernel // 2).double()
    return inside / inside.sum(dim=1, keepdim=True)


class TrainingForward(nn.Module):
    """`network`'s logits before their last upsampling: (N, 3, H, W) to (N, classes, H / 4, W / 4).

    It holds no parameters of its own. `state_dict` has the network's names under `network.`.
    """

    def __init__(self, network: PyramidShuffleNetV2) -> None:
        super().__init__()
        self.network = network
        self._matrices: dict[tuple[object, ...], Tensor] = {}

    def forward(self, image: Tensor) -> Tensor:
        network = self.network
        features = network.stage3(network.stage2(network.stage1(network.pool(network.stem(image)))))
        if network.vortex is not None:
            features = self._vortex(network.vortex, features)
        return network.classifier(self._head(features))

    def _matrix(self, kind: str, size: int, kernel: int, like: Tensor) -> Tensor:
        key = (kind, size, kernel, like.dtype, like.device)
        if (found := self._matrices.get(key)) is None:
            if kind == "rows":  # (4h, (i, h)): the order in which the slices' product leaves its result
                found = torch.cat([interpolation(size, i) for i in _TAPS], dim=1)
            elif kind == "columns":  # (4w, (w, j))
                found = torch.stack([interpolation(size, j) for j in _TAPS], dim=2).reshape(4 * size, 3 * size)
            else:
                found = averaging(size, kernel)
            self._matrices[key] = found = found.to(like.device, like.dtype)
        return found

    def _head(self, x: Tensor) -> Tensor:
        head = self.network.head
        n, channels, h, w = x.shape
        weight = head.conv.weight.to(x.dtype)
        outputs = weight.shape[0]
        slices = weight.permute(2, 1, 3, 0).reshape(3, channels, 3 * outputs)  # (i, c, (j, o))
        y = torch.matmul(x.permute(0, 2, 3, 1).reshape(n, 1, h * w, channels), slices)
        y = torch.matmul(self._matrix("rows", h, 0, y), y.reshape(n, 3 * h, w * 3 * outputs))
        y = torch.matmul(self._matrix("columns", w, 0, y), y.reshape(n, 4 * h, w * 3, outputs))
        return F.relu(head.bn(y.permute(0, 3, 1, 2)))

    def _vortex(self, vortex: VortexPooling, x: Tensor) -> Tensor:
        project = vortex.project
        pool, *weights = project.conv.weight.split(x.shape[1], dim=1)
        y = F.conv2d(vortex.image_pool(x.mean((2, 3), keepdim=True)), pool)
        for k, branch, weight in zip(vortex.RATES, vortex.branches, weights, strict=True):
            y = y + F.conv2d(branch(self._average(x, k) if k > 1 else x), weight)
        return F.relu(project.bn(y))

    def _average(self, x: Tensor, kernel: int) -> Tensor:
        n, channels, h, w = x.shape
        y = torch.matmul(self._matrix("mean", w, kernel, x), x.permute(0, 2, 3, 1))
        y = torch.matmul(self._matrix("mean", h, kernel, x), y.reshape(n, h, w * channels))
        return y.reshape(n, h, w, channels).permute(0, 3, 1, 2)

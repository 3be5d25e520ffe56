"""Depthwise convolutions for training are torch's: results and gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from segmentd_training import convolutions


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2), (1, 3), (1, 9), (1, 27)])
@pytest.mark.parametrize("size", [(12, 15), (7, 4), (1, 1)])
def test_results_and_gradients_equal_torchs(kernel: int, stride: int, dilation: int, size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(3)
    shapes = ((2, 6, *size), (6, 1, kernel, kernel), (6,))
    tensors = [torch.randn(s, dtype=torch.float64, generator=generator).requires_grad_() for s in shapes]
    expected = F.conv2d(*tensors, stride, dilation * (kernel // 2), dilation, groups=6)
    found = convolutions.depthwise(*tensors, stride=stride, dilation=dilation)
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)
    pull = torch.randn(expected.shape, dtype=torch.float64, generator=generator)
    for a, b in zip(torch.autograd.grad(found, tensors, pull), torch.autograd.grad(expected, tensors, pull)):
        assert torch.allclose(a, b, rtol=1e-11, atol=1e-11)


def test_autocast_leaves_them_in_single_precision() -> None:
    x, weight, bias = torch.randn(1, 4, 9, 9), torch.randn(4, 1, 5, 5), torch.zeros(4)
    expected = convolutions.depthwise(x, weight, bias, stride=1, dilation=1)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(convolutions.depthwise(x, weight, bias, stride=1, dilation=1), expected)
        assert convolutions.depthwise(x.bfloat16(), weight, bias, stride=1, dilation=1).dtype == torch.float32

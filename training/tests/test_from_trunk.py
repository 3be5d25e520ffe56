"""A network that starts from a trunk computes what the trunk computes, here written out on its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from segmentd_training.from_trunk import start_from_trunk
from segmentd_training.network import CONFIGURATIONS, PyramidShuffleNetV2

_PARENTS = Path(__file__).resolve().parents
TRUNK = next((p for d in _PARENTS for p in (d / "shared/pretrained").glob("shufflenetv2_1.0x_*.npz")), None)


def made_trunk() -> dict[str, np.ndarray]:
    """ShuffleNetV2 1.0x (24/116/232/464) under torchvision's names, folded, with random weights."""
    draw = np.random.default_rng(0)
    found: dict[str, np.ndarray] = {}

    def convolution(name: str, outputs: int, inputs: int, kernel: int) -> None:
        scale = 1.4 / np.sqrt(inputs * kernel * kernel)
        found[f"{name}.weight"] = (draw.standard_normal((outputs, inputs, kernel, kernel)) * scale).astype(np.float32)
        found[f"{name}.bias"] = (draw.standard_normal(outputs) * 0.1).astype(np.float32)

    convolution("conv1.0", 24, 3, 3)
    inputs = 24
    for stage, (units, outputs) in {"stage2": (4, 116), "stage3": (8, 232), "stage4": (4, 464)}.items():
        half = outputs // 2
        for i in range(units):
            if i == 0:
                convolution(f"{stage}.0.branch1.0", inputs, 1, 3)
                convolution(f"{stage}.0.branch1.2", half, inputs, 1)
            convolution(f"{stage}.{i}.branch2.0", half, inputs if i == 0 else half, 1)
            convolution(f"{stage}.{i}.branch2.3", half, 1, 3)
            convolution(f"{stage}.{i}.branch2.5", half, half, 1)
        inputs = outputs
    return found


def run_trunk(trunk: dict[str, np.ndarray], rgb: Tensor) -> dict[str, Tensor]:
    """The trunk on its own terms, BGR, but with ReLU and with our strides and dilations in its last stage."""
    def convolution(x: Tensor, name: str, *, stride: int = 1, dilation: int = 1, relu: bool = True) -> Tensor:
        weight, bias = (torch.from_numpy(trunk[f"{name}.{p}"].astype(np.float32)) for p in ("weight", "bias"))
        groups = x.shape[1] // weight.shape[1]
        y = F.conv2d(x, weight, bias, stride, dilation * (weight.shape[-1] // 2), dilation, groups)
        return F.relu(y) if relu else y

    x = F.max_pool2d(convolution(rgb.flip(1), "conv1.0", stride=2), 3, 2, 1)
    outputs = {}
    for ours, theirs, units, stride, dilations in (
        ("stage1", "stage2", 4, 2, (1,) * 4), ("stage2", "stage3", 8, 2, (1,) * 8), ("stage3", "stage4", 4, 1, (1, 1, 2, 3)),
    ):
        for i in range(units):
            first = i == 0
            s = stride if first else 1
            left, right = (x, x) if first else x.chunk(2, dim=1)
            if first:
                left = convolution(convolution(x, f"{theirs}.0.branch1.0", stride=s, relu=False), f"{theirs}.0.branch1.2")
            right = convolution(right, f"{theirs}.{i}.branch2.0")
            right = convolution(right, f"{theirs}.{i}.branch2.3", stride=s, dilation=dilations[i], relu=False)
            right = convolution(right, f"{theirs}.{i}.branch2.5")
            n, c, h, w = left.shape
            x = torch.cat([left, right], 1).view(n, 2, c, h, w).transpose(1, 2).reshape(n, 2 * c, h, w)
        outputs[ours] = x
    return outputs


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("real", [False, True], ids=["made", "NanoDet-m"])
def test_the_start_computes_what_the_trunk_computed(name: str, real: bool) -> None:
    if real and TRUNK is None:
        pytest.skip("skipped: no shared/pretrained beside the repository")
    trunk = dict(np.load(TRUNK)) if real else made_trunk()
    torch.manual_seed(0)
    network = PyramidShuffleNetV2(5, CONFIGURATIONS[name])
    batch = torch.randn(3, 3, 64, 64)
    start_from_trunk(network, trunk, batch)
    expected = run_trunk(trunk, batch)

    with torch.inference_mode():
        evaluated = network.eval().activations(batch)
        trained = network.train().activations(batch)  # the batch's own statistics are the stored ones
    for stage, reference in expected.items():
        for found in (evaluated[stage], trained[stage]):
            assert (found - reference).abs().max() < 1e-3 * reference.abs().max(), stage


def test_the_pyramid_s_larger_kernels_begin_as_strong_as_the_trunk_s_own() -> None:
    torch.manual_seed(0)
    network = PyramidShuffleNetV2(5, CONFIGURATIONS["pyramid"])
    batch = torch.randn(3, 3, 64, 64)
    start_from_trunk(network, made_trunk(), batch)
    deviations: dict[str, Tensor] = {}
    for index, kernel in enumerate(network.stage1[1].pyramid):
        kernel.register_forward_hook(lambda _, __, y, index=index: deviations.update({index: y.std((0, 2, 3))}))
    with torch.inference_mode():
        network.eval()(batch)
    for index in (1, 2):
        torch.testing.assert_close(deviations[index], deviations[0], rtol=5e-2, atol=5e-3)


def test_a_trunk_that_lacks_a_tensor_is_refused() -> None:
    trunk = made_trunk()
    del trunk["stage3.4.branch2.3.bias"]
    with pytest.raises(ValueError, match="the trunk has no stage3.4.branch2.3.bias"):
        start_from_trunk(PyramidShuffleNetV2(2), trunk, torch.zeros(1, 3, 32, 32))

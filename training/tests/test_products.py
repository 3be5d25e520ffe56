"""The forward pass of training is the network: logits, gradients and running statistics."""

from __future__ import annotations

import copy

import pytest
import torch

from segmentd_training import formula
from segmentd_training.network import CONFIGURATIONS, PyramidShuffleNetV2
from segmentd_training.products import TrainingForward
from segmentd_training.safetensors_io import load_tensors


@pytest.mark.parametrize("mode", ["training", "evaluation", "frozen statistics"])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_logits_gradients_and_statistics_equal_the_plain_forward(name: str, mode: str) -> None:
    network = PyramidShuffleNetV2(5, CONFIGURATIONS[name])
    load_tensors(network, formula.tensors(network))
    plain = network.double().train(mode == "training")
    ours = copy.deepcopy(plain)
    if mode == "frozen statistics":
        ours.train()
        for norm in (m for m in ours.modules() if isinstance(m, torch.nn.BatchNorm2d)):
            norm.eval()
    image = torch.randn(2, 3, 32, 80, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    expected = plain.activations(image)["classifier"]
    found = TrainingForward(ours)(image.contiguous(memory_format=torch.channels_last))
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-10)

    pull = torch.randn(expected.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    (expected * pull).sum().backward()
    (found * pull).sum().backward()
    largest = max(float(p.grad.abs().max()) for p in plain.parameters())  # some are zero but for rounding
    for (parameter, a), b in zip(plain.named_parameters(), ours.parameters()):
        assert torch.allclose(b.grad, a.grad, rtol=1e-8, atol=1e-12 * largest), parameter
    for (buffer, a), b in zip(plain.named_buffers(), ours.buffers()):
        assert torch.allclose(b.double(), a.double(), rtol=1e-10), buffer

"""Losses against PyTorch's own and against their definitions."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from segmentd_training.losses import class_weights, cross_entropy, edges, lovasz_softmax

LOGITS = torch.randn(2, 4, 6, 8, generator=torch.Generator().manual_seed(0))
LABEL = torch.randint(0, 4, (2, 6, 8), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
LABEL[0, :2] = 255


def test_cross_entropy_with_class_weights_is_pytorch_s() -> None:
    weights = torch.tensor([1.0, 2.0, 0.5, 3.0])
    expected = F.cross_entropy(LOGITS, LABEL.long(), weight=weights, ignore_index=255)
    assert float(cross_entropy(LOGITS, LABEL, weights=weights)) == pytest.approx(float(expected), rel=1e-6)


def test_the_hardest_half_is_the_larger_losses() -> None:
    losses = F.cross_entropy(LOGITS, LABEL.long(), ignore_index=255, reduction="none").flatten()
    labelled = losses[(LABEL != 255).flatten()].sort(descending=True).values
    expected = labelled[: len(labelled) // 2].mean()
    assert float(cross_entropy(LOGITS, LABEL, hardest=0.5)) == pytest.approx(float(expected), rel=1e-6)


def test_edges_are_where_classes_meet() -> None:
    label = torch.zeros(1, 5, 9, dtype=torch.uint8)
    label[..., 5:] = 2
    assert edges(label, reach=1)[0, 0].tolist() == [False] * 4 + [True, True] + [False] * 3


def test_nothing_labelled_costs_nothing_and_has_gradients() -> None:
    logits = LOGITS.clone().requires_grad_()
    nothing = torch.full_like(LABEL, 255)
    loss = cross_entropy(logits, nothing, edge_weight=1.0) + lovasz_softmax(logits, nothing)
    loss.backward()
    assert float(loss.detach()) == 0 and float(logits.grad.abs().max()) == 0


def test_lovasz_of_certain_predictions_is_one_minus_the_mean_iou() -> None:
    predicted = torch.where(torch.rand(LABEL.shape, generator=torch.Generator().manual_seed(2)) < 0.7, LABEL % 4, 0).long()
    logits = F.one_hot(predicted, 4).permute(0, 3, 1, 2).float() * 1000
    valid = LABEL != 255
    ious = [
        float(((predicted == c) & (LABEL == c))[valid].sum() / ((predicted == c) | (LABEL == c))[valid].sum())
        for c in range(4)]
    assert float(lovasz_softmax(logits, LABEL, least=1)) == pytest.approx(1 - sum(ious) / 4, abs=1e-5)


def test_class_weights_of_power_one_even_out_the_classes() -> None:
    frequencies = torch.tensor([0.7, 0.2, 0.1])
    weights = class_weights(frequencies, 1.0)
    assert (weights * frequencies).tolist() == pytest.approx([1 / 3] * 3)
    assert class_weights(frequencies, 0.0).tolist() == pytest.approx([1, 1, 1])

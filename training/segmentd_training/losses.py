"""What training minimises: cross entropy with weights, on the hardest pixels, at edges; and the Lovász form of IoU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .classes import IGNORED


def class_weights(frequencies: Tensor, power: float) -> Tensor:
    """Weights frequency^-power, scaled so that the mean over all pixels is 1. Power 0 gives ones."""
    weights = frequencies.clamp_min(1e-4) ** -power
    return (weights / (weights * frequencies).sum()).float()


def edges(label: Tensor, reach: int = 2) -> Tensor:
    """(N, h, w) class ids -> bool: is another class, or no class, within `reach` pixels in both directions?"""
    ids = torch.where(label == IGNORED, -1, label.int()).float()[:, None]
    size = 2 * reach + 1
    highest = F.max_pool2d(ids, size, stride=1, padding=reach)
    lowest = -F.max_pool2d(-ids, size, stride=1, padding=reach)
    return (highest != lowest)[:, 0]


def cross_entropy(
    logits: Tensor, label: Tensor, *, weights: Tensor | None = None, edge_weight: float = 0.0, hardest: float = 1.0
) -> Tensor:
    """Mean over the labelled pixels of logits (N, C, h, w) against class ids (N, h, w), uint8.

    `weights` by class; `1 + edge_weight` for pixels near an edge of the label; with `hardest` below 1 only that share of
    the labelled pixels counts, those with the largest loss (OHEM). Zero if no pixel is labelled.
    """
    losses = F.cross_entropy(logits, label.long(), ignore_index=IGNORED, reduction="none")
    valid = label != IGNORED
    weight = valid.to(losses.dtype)
    if weights is not None:
        weight = weight * weights[label.clamp(max=len(weights) - 1).long()]
    if edge_weight:
        weight = weight * (1 + edge_weight * edges(label))
    weighted = losses * weight
    if hardest < 1 and (count := int(hardest * int(valid.sum()))) > 0:
        kept = torch.topk(weighted.flatten(), count).indices
        return weighted.flatten()[kept].sum() / weight.flatten()[kept].sum()
    return weighted.sum() / weight.sum().clamp_min(1e-6)


def lovasz_softmax(logits: Tensor, label: Tensor, least: int = 20) -> Tensor:
    """The Lovász extension of 1 - IoU over the whole batch, mean of the classes with at least `least` pixels in it.

    For each class the errors are sorted, largest first, and weighted with the growth of 1 - IoU as pixel after pixel is
    taken for wrong (Berman, Triki, Blaschko, CVPR 2018).
    """
    valid = (label != IGNORED).flatten()
    probabilities = logits.softmax(dim=1).permute(0, 2, 3, 1).flatten(0, 2)[valid]
    truth = label.flatten()[valid]
    losses: list[Tensor] = []
    for index in range(probabilities.shape[1]):
        is_class = (truth == index).to(probabilities.dtype)
        count = is_class.sum()
        if count < least:
            continue
        errors, order = torch.sort((is_class - probabilities[:, index]).abs(), descending=True)
        ordered = is_class[order]
        intersection = count - ordered.cumsum(0)
        union = count + (1 - ordered).cumsum(0)
        jaccard = 1 - intersection / union
        growth = torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
        losses.append((errors * growth).sum())
    return torch.stack(losses).mean() if losses else probabilities.sum() * 0

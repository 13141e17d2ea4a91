"""Which query stands for which object: the one-to-one matching that DETR and its kin are trained with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from .annotations import ImageObjects, pairwise_ious


@dataclass
class QueryMatch:
    """What each of Q queries stands for."""

    #: Category ids, [Q]; -1 is background.
    labels: Tensor
    #: The overlap with the object that it is matched with, 0 without one, [Q].
    ious: Tensor
    #: That object's box, or the query's own without one, [Q, 4].
    gt_boxes: Tensor


@dataclass
class QueryMatcher:
    """Costs of class, L1 and GIoU (Carion et al., ECCV 2020; the class cost of sigmoids is Deformable DETR's)."""

    is_softmax: bool
    class_cost: float = 2.0
    bbox_cost: float = 5.0
    giou_cost: float = 2.0
    alpha: float = 0.25
    gamma: float = 2.0

    @classmethod
    def of(cls, config: Any, is_softmax: bool) -> QueryMatcher:
        """The matcher that a model's configuration describes."""

        def value(default: float, *names: str) -> float:
            return next((float(getattr(config, name)) for name in names if hasattr(config, name)), default)

        return cls(
            is_softmax,
            value(2, "matcher_class_cost", "class_cost"),
            value(5, "matcher_bbox_cost", "bbox_cost"),
            value(2, "matcher_giou_cost", "giou_cost"),
            # Where the configuration names no such numbers the packages have .25 and 2.
            value(0.25, "matcher_alpha"),
            value(2, "matcher_gamma"),
        )

    def pairs(self, logits: Tensor, boxes: Tensor, classes: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The queries and objects that belong together.

        Args:
            logits: [Q, K].
            boxes: cx, cy, width, height as fractions of the image, [Q, 4].
            classes: The place of each object's class among the logits, [M].
            targets: The objects' boxes, as `boxes`, [M, 4].

        Returns:
            Places of queries and of objects, as many as the fewer of both.
        """
        if self.is_softmax:
            class_cost = -logits.softmax(-1)[:, classes]
        else:
            p = logits.sigmoid()[:, classes]
            negative = (1 - self.alpha) * p**self.gamma * -(1 - p + 1e-8).log()
            positive = self.alpha * (1 - p) ** self.gamma * -(p + 1e-8).log()
            class_cost = positive - negative
        distance = torch.cdist(boxes, targets, p=1)
        cost = self.bbox_cost * distance + self.class_cost * class_cost
        cost -= self.giou_cost * _generalized_ious(corners(boxes), corners(targets))
        cost = torch.nan_to_num(cost, *[torch.finfo(cost.dtype).max] * 3)
        queries, objects = linear_sum_assignment(cost.cpu().numpy())
        return torch.as_tensor(queries), torch.as_tensor(objects)

    def match(
        self, logits: Tensor, boxes: Tensor, objects: ImageObjects, places: dict[int, int], size: tuple[int, int]
    ) -> QueryMatch:
        """Matches an image's queries with its objects.

        Args:
            logits: [Q, K].
            boxes: As in `pairs`.
            objects: Of the image, in pixels.
            places: The place of each category among the logits.
            size: Width and height of the image.
        """
        logits, boxes = logits.detach().cpu().float(), boxes.detach().cpu().float()
        own = corners(boxes.double()) * torch.tensor([*size, *size], dtype=torch.float64)
        labels = torch.full((len(boxes),), -1, dtype=torch.int64)
        ious = torch.zeros(len(boxes))
        gt_boxes = own.float()
        if len(objects.boxes):
            classes = torch.tensor([places[category] for category in objects.labels.tolist()])
            targets = centres(objects.boxes / torch.tensor([*size, *size])).float()
            queries, found = self.pairs(logits, boxes, classes, targets)
            labels[queries] = objects.labels[found]
            gt_boxes[queries] = objects.boxes[found].float()
            ious[queries] = pairwise_ious(own, objects.boxes)[queries, found].float()
        return QueryMatch(labels, ious, gt_boxes)


def corners(boxes: Tensor) -> Tensor:
    """x1, y1, x2, y2 of cx, cy, width, height, [N, 4]."""
    centre, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([centre - 0.5 * size, centre + 0.5 * size], -1)


def centres(boxes: Tensor) -> Tensor:
    """cx, cy, width, height of x1, y1, x2, y2, [N, 4]."""
    return torch.cat([(boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]], -1)


def _generalized_ious(boxes: Tensor, others: Tensor) -> Tensor:
    """Rezatofighi et al., CVPR 2019: [N, M]."""
    low = torch.minimum(boxes[:, None, :2], others[None, :, :2])
    high = torch.maximum(boxes[:, None, 2:], others[None, :, 2:])
    hull = (high - low).clamp(min=0).prod(dim=2)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)[:, None] + (others[:, 2:] - others[:, :2]).prod(dim=1)[None]
    ious = pairwise_ious(boxes, others)
    # areas = union + intersection, and IoU = intersection / union.
    union = areas / (1 + ious)
    return ious - (hull - union) / hull

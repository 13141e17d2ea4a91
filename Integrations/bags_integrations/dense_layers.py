"""The last convolution of a dense detector's classification branch: out as a head file, a trained one in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from .classes import ClassIDs, order_of
from .files import write_safetensors
from .heads import HeadFile
from .scorer import HeadScorer, refuse_training


@dataclass
class DenseLayer:
    """The layer and the box layer beside it. Shapes: A anchors a location, K labels, D channels."""

    #: The names by which `bags` knows the framework's layers.
    classifier_name: str
    boxes_name: str
    #: [A · K, D, 3, 3], a sigmoid for every label.
    classifier: Any
    #: [4A, D, 3, 3].
    boxes: Any
    #: The category of each label; `None` for one that is none.
    labels: Sequence[int | None]
    #: A.
    anchors: int

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes both, the rows of each anchor by ascending category id, for `bags train --init` and the rest."""
        if not isinstance(getattr(self.classifier, "weight", None), Tensor) or len(self.classifier.weight) != self.rows:
            raise ValueError(
                f"the classifier is a {type(self.classifier).__name__}, not the detector's own layer of {self.rows} "
                "outputs; a head that was installed is in its own file already"
            )
        order = self.order
        tensors = {
            f"{self.classifier_name}.weight": self.classifier.weight.detach()[order],
            f"{self.classifier_name}.bias": self.classifier.bias.detach()[order],
            f"{self.boxes_name}.weight": self.boxes.weight.detach(),
            f"{self.boxes_name}.bias": self.boxes.bias.detach(),
        }
        write_safetensors({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, {}, path)

    def installed(self, path: str | os.PathLike[str]) -> nn.Module:
        """The layer with a trained head: itself, where the head scores each class by a sigmoid, else one that takes its
        place, with a scoring of its own, for inference.

        Raises:
            ValueError: If the head is for RoIs, or of other channels, anchors or categories.
        """
        head = HeadFile.read(path)
        channels = self.classifier.weight.shape[1]
        if head.weight.dim() != 4:
            raise ValueError(f"{path}: is a head for RoIs; a dense detector takes one that was trained on feature maps")
        if len(head.bias) % self.anchors or head.weight.shape[1] != channels:
            raise ValueError(
                f"{path}: is {list(head.weight.shape)}, which does not fit {self.anchors} anchors of {channels} channels"
            )
        if head.layout != "sigmoid":
            return DenseScores(head, self.labels, self.anchors).to(self.classifier.weight.device).eval()
        if not isinstance(self.classifier, nn.Conv2d):
            raise ValueError(f"the classifier is a {type(self.classifier).__name__}, not the detector's own layer")
        order = self.order
        head.check(self.labels)
        if len(order) != len(head.bias):
            raise ValueError(f"{path}: has {len(head.bias)} rows, the detector has {len(order)} for its categories")
        layer: Any = self.classifier
        with torch.no_grad():
            layer.weight[order] = head.weight.to(layer.weight)
            layer.bias[order] = head.bias.to(layer.bias)
        return self.classifier

    @property
    def rows(self) -> int:
        """A · K."""
        return self.anchors * len(self.labels)

    @property
    def order(self) -> list[int]:
        """The rows by anchor, then by ascending category id."""
        labels = order_of(self.labels)
        return [anchor * len(self.labels) + label for anchor in range(self.anchors) for label in labels]


class DenseScores(nn.Module):
    """Takes the place of RetinaNet's last convolution: the logits whose sigmoids are the scores that `bags predict` gives."""

    def __init__(self, head: HeadFile, category_ids: ClassIDs, anchors: int) -> None:
        super().__init__()
        self.anchors = anchors
        self.weight = nn.Parameter(head.weight.clone(), requires_grad=False)
        self.bias = nn.Parameter(head.bias.clone(), requires_grad=False)
        rows = len(head.bias) // anchors
        self.scorer = HeadScorer(replace(head, weight=head.weight[:rows].flatten(1), bias=head.bias[:rows]), category_ids)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            refuse_training()
        logits = nn.functional.conv2d(x, self.weight, self.bias, padding=1)
        count, _, height, width = logits.shape
        each = logits.view(count, self.anchors, -1, height, width).permute(0, 1, 3, 4, 2)
        scores = self.scorer.scores(each.reshape(-1, each.shape[-1])).view(*each.shape[:-1], -1)
        # A score of 0 or 1 has no finite logit.
        return scores.clamp(1e-30, 1 - 1e-7).logit().permute(0, 1, 4, 2, 3).reshape(count, -1, height, width)

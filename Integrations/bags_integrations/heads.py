"""Head files: `head.safetensors` of a run as a torch module that gives scores, and a detector's own head as one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from .export import order_of
from .features import open_safetensors, save_durably


@dataclass
class HeadFile:
    """A head as `bags train` and `bags convert` write it; its classes are C, by ascending category id."""

    #: [K, D].
    weight: Tensor
    #: [K].
    bias: Tensor
    #: What the K logits speak of, such as `grouped-sigmoid` or `softmax`.
    layout: str
    method: str
    category_ids: list[int]
    names: list[str]
    #: The group of every class, 0 for G1.
    groups: list[int]
    group_count: int
    #: What the layout needs beside the logits.
    extras: dict[str, Tensor]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> HeadFile:
        """Reads a run's head, or a file."""
        stages = cls.read_stages(path)
        if len(stages) > 1:
            raise ValueError(f"{path}: has the classifiers of {len(stages)} stages; the detector has one")
        return stages[0]

    @classmethod
    def read_stages(cls, path: str | os.PathLike[str]) -> list[HeadFile]:
        """The same of a cascade, trained with `bags train --stages`: a head for each stage."""
        path = Path(path)
        if path.is_dir():
            path = path / "head.safetensors"
        with open_safetensors(path) as file:
            metadata = file.metadata() or {}
            names = set(file.keys())
            if "groups" not in metadata or "layout" not in metadata:
                raise ValueError(f"{path}: does not name its classes; the heads of `bags train` and `bags convert` do")
            if "shared_fcs.0.weight" in names:
                raise ValueError(f"{path}: has hidden layers (`bags train --hidden`); the classifier alone is expected")
            groups = json.loads(metadata["groups"])
            categories = groups["categories"]
            count = sum(f"fc_cls.{stage}.weight" in names for stage in range(len(names)))
            return [
                cls(
                    weight=file.get_tensor(f"{layer}.weight").float(),
                    bias=file.get_tensor(f"{layer}.bias").float(),
                    layout=metadata["layout"],
                    method=metadata["method"],
                    category_ids=[category["id"] for category in categories],
                    names=[category["name"] for category in categories],
                    groups=[category["group"] - 1 for category in categories],
                    group_count=len(groups["boundaries"]) + 1,
                    extras={name[7:]: file.get_tensor(name) for name in names if name.startswith("layout.")},
                )
                for layer in ([f"fc_cls.{stage}" for stage in range(count)] or ["fc_cls"])
            ]

    @property
    def is_softmax(self) -> bool:
        """Whether it is an ordinary softmax layer, background first, which a detector can load as it is."""
        return self.layout == "softmax"


class HeadScorer(nn.Module):
    """Class scores of RoI features, as `bags predict` computes them.

    Shapes: N RoIs, D features, C classes by the order given.
    """

    #: Each class's place among the softmaxes of all groups.
    places: Tensor
    #: The head's class for each of the detector's.
    order: Tensor
    #: What some layouts have beside the weight.
    scale: Tensor
    magnitudes: Tensor
    margins: Tensor
    has_mean: Tensor
    is_tail: Tensor

    def __init__(
        self, head: HeadFile, category_ids: Sequence[int] | None = None, inputs: int | None = None
    ) -> None:
        """
        Args:
            head: The head.
            category_ids: The category of each class of the detector, in its order; by ascending id unless given.
            inputs: D of the detector, to compare with the head's.
        """
        super().__init__()
        if inputs not in (None, head.weight.shape[1]):
            raise ValueError(f"the head takes {head.weight.shape[1]} features, the detector has {inputs}")
        self.layout = head.layout
        self.class_count = len(head.category_ids)
        self.weight = nn.Parameter(head.weight.clone(), requires_grad=False)
        self.bias = nn.Parameter(head.bias.clone(), requires_grad=False)
        for name, tensor in head.extras.items():
            self.register_buffer(name, tensor.float())
        self.slices, places = _slices(head)
        self.register_buffer("places", torch.tensor(places))
        order = list(head.category_ids) if category_ids is None else list(category_ids)
        if sorted(order) != list(head.category_ids):
            raise ValueError(
                f"the head is for {len(head.category_ids)} categories that are not the detector's {len(order)}"
            )
        where = {category: place for place, category in enumerate(head.category_ids)}
        self.register_buffer("order", torch.tensor([where[category] for category in order]))

    def forward(self, features: Tensor) -> Tensor:
        """Scores [N, C] of features [N, D]."""
        return self.scores(self.logits(features))

    def logits(self, features: Tensor) -> Tensor:
        """[N, K]."""
        if self.layout == "cosine":
            return functional.linear(
                functional.normalize(features, eps=1e-12), functional.normalize(self.weight, eps=1e-12)
            )
        if self.layout == "nearest-class-mean":
            first = self.class_count + 1
            plain = functional.linear(features, self.weight[:first], self.bias[:first])
            means = functional.normalize(self.weight[first:], eps=1e-12)
            return torch.cat([plain, functional.linear(functional.normalize(features, eps=1e-12), means)], 1)
        return functional.linear(features, self.weight, self.bias)

    def scores(self, logits: Tensor) -> Tensor:
        """[N, C] of [N, K]."""
        return self._by_id(logits)[:, self.order]

    def _by_id(self, z: Tensor) -> Tensor:
        count = self.class_count
        if self.layout.startswith("grouped-"):
            return self._grouped(z)
        if self.layout == "softmax":
            return z.softmax(1)[:, 1:]
        if self.layout == "cosine":
            return (z * self.scale).softmax(1)[:, 1:]
        if self.layout == "seesaw":
            return z[:, :count].softmax(1) * z[:, count:].softmax(1)[:, :1]
        if self.layout == "disalign":
            confidence = z[:, count + 1 :].sigmoid()
            classes = z[:, 1 : count + 1]
            aligned = confidence * (classes * self.magnitudes + self.margins) + (1 - confidence) * classes
            return torch.cat([z[:, :1], aligned], 1).softmax(1)[:, 1:]
        if self.layout == "nearest-class-mean":
            foreground = 1 - z[:, : count + 1].softmax(1)[:, :1]
            # Where no class has a mean, every score is 0.
            cosines = z[:, count + 1 :].masked_fill(self.has_mean == 0, -torch.inf)
            return foreground * cosines.softmax(1).nan_to_num()
        if self.layout == "tau-select":
            plain, normed = z[:, : count + 1], z[:, count + 1 :]
            is_tail = functional.pad(self.is_tail, (1, 0))[normed.argmax(1)] > 0
            selected = is_tail & (plain.argmax(1) > 0)
            return torch.where(selected[:, None], normed.softmax(1), plain.softmax(1))[:, 1:]
        if self.layout == "sigmoid-objectness":
            return z[:, :count].sigmoid() * (-z[:, count:]).sigmoid()
        if self.layout in ("sigmoid", "sigmoid-last"):
            return z[:, :count].sigmoid()
        if self.layout == "sigmoid-first":
            return z[:, 1:].sigmoid()
        raise ValueError(f"a head of the layout {self.layout} is not known to this program")

    def _grouped(self, z: Tensor) -> Tensor:
        """The softmax of each class's group, `others` left out, times the foreground probability."""
        groups = torch.cat([z[:, start:end].softmax(1) for start, end in self.slices], 1)
        scores = groups[:, self.places]
        if "official" in self.layout:
            return scores * z[:, :2].softmax(1)[:, 1:]
        return scores * z[:, :1].sigmoid() if "sigmoid" in self.layout else scores


class HeadLogits(nn.Module):
    """The logits alone of a head, [N, K] of [N, D]: stands where a detector's classification layer stood."""

    def __init__(self, scorer: HeadScorer) -> None:
        super().__init__()
        self.scorer = scorer

    def forward(self, x: Tensor) -> Tensor:
        return self.scorer.logits(x)


def load_softmax(layer: nn.Linear, head: HeadFile, category_ids: Sequence[int], background_first: bool) -> None:
    """Loads a softmax head into a detector's own classification layer.

    Args:
        layer: Changed in place.
        head: One whose `is_softmax` holds.
        category_ids: The category of each class of the detector, in its order.
        background_first: Whether background is the layer's first row or its last.
    """
    if layer.weight.shape != head.weight.shape:
        raise ValueError(f"the head is {list(head.weight.shape)}, the detector's {list(layer.weight.shape)}")
    classes = 1 + HeadScorer(head, category_ids).order
    background = torch.zeros(1, dtype=torch.int64)
    rows = torch.cat([background, classes] if background_first else [classes, background])
    with torch.no_grad():
        layer.weight.copy_(head.weight[rows])
        layer.bias.copy_(head.bias[rows])


def _slices(head: HeadFile) -> tuple[list[tuple[int, int]], list[int]]:
    """The logits of every foreground group, and each class's place among all of them."""
    if not head.layout.startswith("grouped-"):
        return [], []
    others = 0 if head.layout.endswith("-without-others") else 1
    first = 2 if "official" in head.layout else 1 if "sigmoid" in head.layout else 0
    slices, places, start = [], [0] * len(head.groups), first
    for group in range(head.group_count):
        classes = [index for index, other in enumerate(head.groups) if other == group]
        for position, index in enumerate(classes):
            places[index] = start + others + position - first
        end = start + others + len(classes)
        if end > start:
            slices.append((start, end))
        start = end
    if start != len(head.bias):
        raise ValueError(f"the head has {len(head.bias)} rows; {start} are expected of its groups")
    return slices, places


def write_head(
    path: str | os.PathLike[str],
    category_ids: Sequence[int],
    classifiers: Sequence[tuple[Tensor, Tensor]],
    regressor: tuple[Tensor, Tensor] | None,
    background_first: bool,
    background_deltas: bool,
    stds: Sequence[float],
    box_coder: str,
) -> None:
    """Writes a detector's own last layers as a head file of this project: a softmax layer, background first, classes by
    ascending category id; beside it the box regressor, for `bags predict --box-head`.

    Args:
        path: Where it goes.
        category_ids: The category of each class, in the detector's order, without background.
        classifiers: Weight [C + 1, D] and bias; of a cascade those of every stage.
        regressor: Weight [4, D], or four rows for every class, and bias.
        background_first: Whether background is the classifier's first row or its last.
        background_deltas: Whether a regressor of every class has four rows for background, the first.
        stds: What its output is multiplied by.
        box_coder: Whose rules make boxes of deltas: `standard`, `mmdetection2` or `mmdetection1`.
    """
    order = order_of(category_ids)
    count = len(order)
    rows = [0] + [1 + place for place in order] if background_first else [count] + order
    tensors: dict[str, Tensor] = {}
    for stage, classifier in enumerate(classifiers):
        layer = "fc_cls" if len(classifiers) == 1 else f"fc_cls.{stage}"
        for name, tensor in zip(("weight", "bias"), classifier, strict=True):
            if len(tensor) != count + 1:
                raise ValueError(
                    f"the classifier has {len(tensor)} rows; {count + 1} are expected for {count} categories"
                )
            tensors[f"{layer}.{name}"] = tensor.detach().cpu().float()[rows].contiguous()
    metadata: Mapping[str, str] = {}
    if regressor is not None:
        for name, tensor in zip(("weight", "bias"), regressor, strict=True):
            blocks = tensor.detach().cpu().float().unflatten(0, (-1, 4))
            if len(blocks) > 1:
                if len(blocks) != count + background_deltas:
                    raise ValueError(
                        f"the box regressor has {4 * len(blocks)} rows; 4, or {4 * (count + background_deltas)} for "
                        f"{count} categories, are expected"
                    )
                if background_deltas:
                    tensors[f"fc_reg.background.{name}"] = blocks[0].clone()
                    blocks = blocks[1:]
                blocks = blocks[order]
            tensors[f"fc_reg.{name}"] = blocks.flatten(0, 1).clone()
        metadata = {"box_stds": ",".join(repr(float(std)) for std in stds), "box_coder": box_coder}
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_durably(tensors, metadata, path)

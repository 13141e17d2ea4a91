"""Head files: what `bags train` and `bags convert` write, and what a detector that a head was put into has of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from .classes import ClassIDs, checked_ids
from .files import open_safetensors


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
    #: What the boundaries of groups are held against: the instances or images of every class.
    counts: list[int] = field(default_factory=list)
    #: Of a dense head, the convolutions below the last one and the regression branch, where they were trained with it:
    #: `cls_tower.0.weight`, `box_tower.0.norm.bias`, `fc_reg.weight`, ….
    branches: dict[str, Tensor] = field(default_factory=dict)

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
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(
                f"a {type(path).__name__} is no head; give the path of a run of `bags train` or of a head file"
                + ("; `load_weights` loads the weights of a detector" if isinstance(path, Mapping) else "")
            )
        path = Path(path)
        if path.is_dir():
            if not (path / "head.safetensors").exists():
                raise FileNotFoundError(f"{path}: has no head.safetensors, as a finished run of `bags train` has")
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
            counted = "image_count" if groups.get("counted_by") == "images" else "instance_count"
            count = sum(f"fc_cls.{stage}.weight" in names for stage in range(len(names)))
            branches = {name: file.get_tensor(name).float() for name in names if name.startswith(("cls_tower.", "box_tower."))}
            if "fc_reg.weight" in names and len(file.get_slice("fc_reg.weight").get_shape()) == 4:
                branches |= {name: file.get_tensor(name).float() for name in ("fc_reg.weight", "fc_reg.bias")}
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
                    counts=[category[counted] for category in categories],
                    branches=branches,
                )
                for layer in ([f"fc_cls.{stage}" for stage in range(count)] or ["fc_cls"])
            ]

    @property
    def is_softmax(self) -> bool:
        """Whether it is an ordinary softmax layer, background first, which a detector can load as it is."""
        return self.layout == "softmax"

    @property
    def parts(self) -> list[HeadFile]:
        """The heads whose scores a head of several averages, without their weights; none of any other."""
        if not self.layout.startswith("mean("):
            return []
        rows = [int(count) for count in self.extras["rows"].tolist()]
        starts = [sum(rows[:place]) for place in range(len(rows))]
        parts = []
        for place, name in enumerate(self.layout[len("mean(") : -1].split(";")):
            layout, at, words = name.partition("@")
            boundaries = [int(word) for word in words.split(",") if word]
            groups = [sum(count >= boundary for boundary in boundaries) for count in self.counts]
            prefix = f"{place}."
            parts.append(
                HeadFile(
                    weight=self.weight.new_zeros(rows[place], 0),
                    bias=self.bias[starts[place] : starts[place] + rows[place]],
                    layout=layout,
                    method=self.method,
                    category_ids=self.category_ids,
                    names=self.names,
                    groups=groups if at else self.groups,
                    group_count=len(boundaries) + 1 if at else self.group_count,
                    extras={n.removeprefix(prefix): t for n, t in self.extras.items() if n.startswith(prefix)},
                    counts=self.counts,
                )
            )
        return parts

    def check(self, category_ids: ClassIDs, inputs: int | None = None) -> None:
        """Compares the head with a detector.

        Args:
            category_ids: The category of each class of the detector, in its order.
            inputs: The features that the detector gives to a classifier, where that is known.

        Raises:
            TypeError: As `checked_ids` does.
            ValueError: If the categories or the number of features are others, or as `checked_ids` does.
        """
        ids = {category for category in checked_ids(category_ids) if category is not None}
        if ids != set(self.category_ids):
            only_head, only_detector = sorted(set(self.category_ids) - ids), sorted(ids - set(self.category_ids))
            remedy = "; write None for classes that are no category of the head" if only_detector else ""
            raise ValueError(
                f"the head is for {len(self.category_ids)} categories that are not the detector's {len(ids)}; only the "
                f"head's: {only_head[:5]}; only the detector's: {only_detector[:5]}{remedy}"
            )
        if inputs not in (None, self.weight.shape[1]):
            raise ValueError(f"the head takes {self.weight.shape[1]} features, the detector has {inputs}")

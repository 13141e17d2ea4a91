"""A detector's own last layers: what a feature set and a head file take from them, and a softmax head into them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from .classes import ClassIDs, order_of
from .files import write_safetensors
from .heads import HeadFile
from .scorer import HeadLogits


@dataclass
class LastLayers:
    """The classifier and the box regressor of a detector. Shapes: C classes, D features, N RoIs.

    Rows of classes that are no category (`None` in `category_ids`) are in no head file and no feature set, and loading
    a head leaves them as they are.
    """

    #: The category of each class, in the detector's order.
    category_ids: ClassIDs
    #: A cascade has one for each stage; [C + 1, D] each.
    classifiers: Sequence[Any]
    #: [4, D], or four rows for every class, and for background where it stands first.
    regressor: Any | None
    #: Whether background is the layers' first row, or the classifier's last.
    background_first: bool
    #: What the regressor's output is multiplied by, for dx, dy, dw, dh.
    stds: Sequence[float]
    #: Whose rules make boxes of deltas: `standard` or `mmdetection2`.
    box_coder: str
    #: The fully connected layers below the classifier, each with ReLU, the lowest first; none for features behind them.
    hidden: Sequence[nn.Linear] = ()
    #: The places of the categories among the classes, by ascending id.
    order: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.order = order_of(self.category_ids)

    @property
    def class_count(self) -> int:
        """C, with those that are no category."""
        return len(self.category_ids)

    def with_hidden(self, box_head: nn.Module, names: Sequence[str]) -> LastLayers:
        """The same with the fully connected layers of a box head below the classifier, for pooled maps; without the
        regressor, which shares them and would need other features than the classifier's.

        Raises:
            ValueError: If the box head has other layers beside them, such as convolutions.
        """
        modules = dict(box_head.named_modules())
        layers = [modules[name] for name in names if isinstance(modules.get(name), nn.Linear)]
        others = sum(bool(list(module.parameters(recurse=False))) for module in modules.values()) - len(layers)
        if len(self.classifiers) > 1 or not layers or others:
            raise ValueError(
                f"the {type(box_head).__name__} is not fully connected layers alone ({', '.join(names)}), which a head for "
                "pooled maps takes"
            )
        return replace(self, regressor=None, hidden=layers)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes them as a head file of this project: a softmax layer, background first, classes by ascending category
        id; beside it the box regressor, for `bags predict --box-head`.

        Raises:
            ValueError: If the layers have other classes, or a head of `bags` was installed in them.
        """
        rows = self._classifier_rows()
        tensors: dict[str, Tensor] = {}
        for stage, classifier in enumerate(self.classifiers):
            if not isinstance(getattr(classifier, "weight", None), Tensor):
                raise ValueError(
                    f"the classifier is a {type(classifier).__name__}, not the detector's own layer; a head that was "
                    "installed is in its own file already"
                )
            layer = "fc_cls" if len(self.classifiers) == 1 else f"fc_cls.{stage}"
            for name, tensor in (("weight", classifier.weight), ("bias", classifier.bias)):
                self._check_rows(len(tensor))
                tensors[f"{layer}.{name}"] = tensor.detach().cpu().float()[rows].contiguous()
        for place, hidden in enumerate(self.hidden):
            for name, tensor in (("weight", hidden.weight), ("bias", hidden.bias)):
                tensors[f"shared_fcs.{place}.{name}"] = tensor.detach().cpu().float().contiguous()
        metadata: dict[str, str] = {}
        if self.regressor is not None:
            for name, tensor in (("weight", self.regressor.weight), ("bias", self.regressor.bias)):
                blocks = tensor.detach().cpu().float().unflatten(0, (-1, 4))
                if len(blocks) > 1:
                    self._check_blocks(len(blocks), f"the box regressor has {4 * len(blocks)} rows; 4", factor=4)
                    if self.background_first:
                        tensors[f"fc_reg.background.{name}"] = blocks[0].clone()
                    blocks = blocks[self._shifted()]
                tensors[f"fc_reg.{name}"] = blocks.flatten(0, 1).clone()
            stds = ",".join(repr(float(std)) for std in self.stds)
            metadata = {"box_stds": stds, "box_coder": self.box_coder}
        write_safetensors(tensors, metadata, path)

    def load(self, head: HeadFile, stage: int = 0) -> bool:
        """Loads a softmax head into the detector's own classifier, if both are of that kind.

        Returns:
            Whether they are.

        Raises:
            ValueError: If they are, but not of the same categories or features.
        """
        classifier = self.classifiers[stage]
        if not (head.is_softmax and isinstance(classifier, nn.Linear)):
            return False
        head.check(self.category_ids, classifier.in_features)
        self._check_rows(len(classifier.weight))
        rows = self._classifier_rows()
        with torch.no_grad():
            classifier.weight[rows] = head.weight.to(classifier.weight)
            classifier.bias[rows] = head.bias.to(classifier.bias)
        return True

    def deltas(self, raw: Tensor) -> Tensor:
        """The regressor's output as a feature set has it: times the deviations, by ascending category id, without
        background.

        Args:
            raw: [N, 4], or four numbers for every class.

        Returns:
            [N, 4], or four numbers for every category.
        """
        scaled = raw.unflatten(1, (-1, 4)) * torch.tensor(self.stds, dtype=raw.dtype, device=raw.device)
        if scaled.shape[1] == 1:
            return scaled.flatten(1)
        self._check_blocks(scaled.shape[1], f"{scaled.shape[1]} deltas a RoI; 1")
        return scaled[:, self._shifted()].flatten(1)

    def best_classes(self, outputs: Tensor) -> Tensor:
        """The place of the class that the detector's classifier scores highest, background aside: [N].

        Args:
            outputs: The classifier's, [N, K].
        """
        classifier = self.classifiers[-1]
        if isinstance(classifier, HeadLogits):
            return classifier.scorer.scores(outputs).argmax(1)
        return outputs[:, self.background_first :][:, : self.class_count].argmax(1)

    def _classifier_rows(self) -> list[int]:
        """The layer's row for each of a head's: background, then the categories by ascending id."""
        return [0 if self.background_first else self.class_count, *self._shifted()]

    def _shifted(self) -> list[int]:
        return [place + self.background_first for place in self.order]

    def _check_rows(self, count: int) -> None:
        if count != self.class_count + 1:
            raise ValueError(
                f"the classifier has {count} rows; {self.class_count + 1} are expected for {self.class_count} classes "
                "and background; rows that are no category have None among the category ids"
            )

    def _check_blocks(self, count: int, found: str, factor: int = 1) -> None:
        expected = self.class_count + self.background_first
        if count != expected:
            raise ValueError(f"{found}, or {factor * expected} for {self.class_count} classes, are expected")

"""A head as a torch module: the scores that `bags predict` gives, in the order of a detector's classes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from .classes import ClassIDs, checked_ids
from .heads import HeadFile


class HeadScorer(nn.Module):
    """Class scores of RoI features, as `bags predict` computes them.

    Shapes: N RoIs, D features, C classes by the order given.
    """

    #: Each class's place among the softmaxes of all groups.
    places: Tensor
    #: The head's class for each of the detector's.
    order: Tensor
    #: The head's layout, categories and groups as JSON, [bytes].
    description: Tensor
    #: What some layouts have beside the weight.
    scale: Tensor
    magnitudes: Tensor
    margins: Tensor
    has_mean: Tensor
    is_tail: Tensor
    scales: Tensor
    shifts: Tensor
    exponent: Tensor
    temperature: Tensor
    rows: Tensor

    def __init__(self, head: HeadFile, category_ids: ClassIDs | None = None, inputs: int | None = None) -> None:
        """
        Args:
            head: The head.
            category_ids: The category of each class of the detector, in its order; by ascending id unless given. The
                scores of those that are no category are 0.
            inputs: D of the detector, to compare with the head's.
        """
        super().__init__()
        ids: ClassIDs = head.category_ids if category_ids is None else checked_ids(category_ids)
        head.check(ids, inputs)
        self.layout = head.layout
        self.class_count = len(head.category_ids)
        self.weight = nn.Parameter(head.weight.clone(), requires_grad=False)
        self.bias = nn.Parameter(head.bias.clone(), requires_grad=False)
        # The weights of a mean stand here, what its parts need beside their logits stands in them.
        self.parts = nn.ModuleList(HeadScorer(part) for part in head.parts)
        for name, tensor in head.extras.items():
            if "." not in name:
                self.register_buffer(name, tensor.float())
        self.slices, places = _slices(head)
        self.register_buffer("places", torch.tensor(places))
        # What is no category takes the column of zeros behind the head's own.
        where: dict[int | None, int] = {category: place for place, category in enumerate(head.category_ids)}
        self.register_buffer("order", torch.tensor([where.get(category, self.class_count) for category in ids]))
        # The tensors do not say what they are: with this text, as bytes, weights that are saved do.
        description = {name: value for name, value in vars(head).items() if not isinstance(value, (Tensor, dict))}
        text = json.dumps({**description, "classes": list(ids)})
        self.register_buffer("description", torch.tensor(list(text.encode()), dtype=torch.uint8))

    @classmethod
    def of_weights(cls, weights: Mapping[str, Tensor]) -> HeadScorer:
        """The head that a scorer with these weights, its `state_dict()`, has."""
        description = json.loads(bytes(weights["description"].tolist()))
        classes = description.pop("classes")
        known = {"weight", "bias", "places", "order", "description"}
        extras = {
            name.removeprefix("parts."): tensor
            for name, tensor in weights.items()
            if name.rpartition(".")[2] not in known
        }
        head = HeadFile(weight=weights["weight"].float(), bias=weights["bias"].float(), extras=extras, **description)
        return cls(head, classes)

    def _load_from_state_dict(self, state: Any, prefix: str, *arguments: Any) -> None:
        """As torch has it, but for another head's weights, which may have the same shapes."""
        saved = state.get(f"{prefix}description")
        if saved is not None and not torch.equal(saved.cpu(), self.description.cpu()):
            errors: list[str] = arguments[-1]
            errors.append(f"{prefix}description: these are the weights of another head; `load_weights` puts it in")
            return
        super()._load_from_state_dict(state, prefix, *arguments)

    def forward(self, features: Tensor) -> Tensor:
        """Scores [N, C] of features [N, D]."""
        return self.scores(self.logits(features))

    def logits(self, features: Tensor) -> Tensor:
        """[N, K]."""
        if self.layout.startswith("normed-"):
            rows = self.weight / (self.weight.norm(dim=1, keepdim=True) + 1e-6)
            directions = features / (features.norm(dim=1, keepdim=True) + 1e-6)
            return functional.linear(directions * self.temperature, rows, self.bias)
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
        return functional.pad(self._by_id(logits), (0, 1))[:, self.order]

    def _by_id(self, z: Tensor) -> Tensor:
        count = self.class_count
        layout = self.layout.removeprefix("normed-")
        if layout.startswith("mean("):
            parts = [cast(HeadScorer, part) for part in self.parts]
            pieces = z.split([len(part.bias) for part in parts], 1)
            scores = [part._by_id(piece) for part, piece in zip(parts, pieces, strict=True)]
            return torch.stack(scores).mean(0)
        if layout.startswith("grouped-"):
            return self._grouped(z)
        if layout == "softmax-scaled":
            return (z * self.scales).softmax(1)[:, 1:]
        if layout == "gumbel":
            return (-(-z).exp()).exp()
        if layout.startswith("shifted-"):
            layout = layout.removeprefix("shifted-")
            classes = z[:, 1:] if layout == "sigmoid-first" else z[:, :count]
            return self._sigmoids(layout, z) * (classes + self.shifts).sigmoid()
        if layout.startswith("competing-"):
            layout = layout.removeprefix("competing-")
            classes = z[:, 1:] if layout == "sigmoid-first" else z[:, :count]
            return self._sigmoids(layout, z) * (self.exponent * classes.log_softmax(1)).exp()
        if layout == "softmax":
            return z.softmax(1)[:, 1:]
        if layout == "cosine":
            return (z * self.scale).softmax(1)[:, 1:]
        if layout == "seesaw":
            return z[:, :count].softmax(1) * z[:, count:].softmax(1)[:, :1]
        if layout == "disalign":
            confidence = z[:, count + 1 :].sigmoid()
            classes = z[:, 1 : count + 1]
            aligned = confidence * (classes * self.magnitudes + self.margins) + (1 - confidence) * classes
            return torch.cat([z[:, :1], aligned], 1).softmax(1)[:, 1:]
        if layout == "nearest-class-mean":
            foreground = 1 - z[:, : count + 1].softmax(1)[:, :1]
            # Where no class has a mean, every score is 0.
            cosines = z[:, count + 1 :].masked_fill(self.has_mean == 0, -torch.inf)
            return foreground * cosines.softmax(1).nan_to_num()
        if layout == "tau-select":
            plain, normed = z[:, : count + 1], z[:, count + 1 :]
            is_tail = functional.pad(self.is_tail, (1, 0))[normed.argmax(1)] > 0
            selected = is_tail & (plain.argmax(1) > 0)
            return torch.where(selected[:, None], normed.softmax(1), plain.softmax(1))[:, 1:]
        if layout.startswith("sigmoid"):
            return self._sigmoids(layout, z)
        raise ValueError(f"a head of the layout {self.layout} is not known to this program")

    def _sigmoids(self, layout: str, z: Tensor) -> Tensor:
        """A sigmoid per class, times the foreground probability where background is an objectness."""
        count = self.class_count
        if layout == "sigmoid-objectness":
            return z[:, :count].sigmoid() * (-z[:, count:]).sigmoid()
        if layout in ("sigmoid", "sigmoid-last"):
            return z[:, :count].sigmoid()
        if layout == "sigmoid-first":
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
        if self.training:
            refuse_training()
        return self.scorer.logits(x)


def refuse_training() -> NoReturn:
    """Raises: a detector's loss of the scores, or of another head's logits, would be a number without meaning."""
    raise RuntimeError(
        "the detector has a head of `bags`, which the detector's own loss cannot train: call eval(), train heads with "
        "`bags train`, and put the detector's own layer back to train the rest of it"
    )


def _slices(head: HeadFile) -> tuple[list[tuple[int, int]], list[int]]:
    """The logits of every foreground group, and each class's place among all of them."""
    if not head.layout.removeprefix("normed-").startswith("grouped-"):
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

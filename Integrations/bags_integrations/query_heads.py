"""The class head of a query detector of transformers: where it is, what its rows are, and what takes its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .classes import ClassIDs, checked_ids, order_of
from .scorer import HeadScorer, refuse_training


@dataclass
class QueryHead:
    """The class head of the last decoder layer."""

    #: The `…ForObjectDetection`.
    detector: Any
    #: The name of the module whose output becomes the model's logits.
    name: str
    #: Modules of the same decoder layer that are kept alike: RT-DETR v2 and D-FINE have two lists of heads.
    twins: list[str]
    #: The module that adds a quality of each query to all its logits (D-FINE), or none.
    quality: str | None
    #: The name of the list entry by which the encoder chooses queries, where it has no head of its own.
    encoders: str | None

    @classmethod
    def of(cls, model: Any) -> QueryHead:
        """Finds it.

        Raises:
            TypeError: If the model is no module.
            ValueError: If no module in it is a query detector of transformers, or several are.
        """
        detector = _detector_in(model)
        if hasattr(detector, "class_labels_classifier"):
            return cls(detector, "class_labels_classifier", [], None, None)
        core = detector.model
        own, decoders = getattr(detector, "class_embed", None), getattr(core.decoder, "class_embed", None)
        if not isinstance(own, nn.ModuleList) and not isinstance(decoders, nn.ModuleList):
            return cls(detector, "class_embed", [], None, None)
        index = getattr(detector, "eval_idx", detector.config.decoder_layers - 1)
        if isinstance(decoders, nn.ModuleList) and hasattr(core, "enc_score_head"):
            twins = [f"class_embed.{index}"] if isinstance(own, nn.ModuleList) else []
            quality = f"model.decoder.lqe_layers.{index}" if hasattr(core.decoder, "lqe_layers") else None
            if quality and index == 0:
                raise ValueError("the detector detects with its first decoder layer, whose logits it keeps twice")
            return cls(detector, f"model.decoder.class_embed.{index}", twins, quality, None)
        # Deformable DETR: of two stages, the decoder's list is for the encoder, its entry behind the layers'.
        encoders = f"model.decoder.class_embed.{len(decoders) - 1}" if isinstance(decoders, nn.ModuleList) else None
        return cls(detector, f"class_embed.{index}", [], None, encoders)

    @property
    def module(self) -> Any:
        """The module whose output becomes the model's logits."""
        return self.detector.get_submodule(self.name)

    @property
    def chooses_queries(self) -> bool:
        """Whether an encoder's class head chooses the queries (two stages)."""
        core = getattr(self.detector, "model", None)
        return self.encoders is not None or hasattr(core, "enc_score_head") or hasattr(core, "enc_out_class_embed")

    def replace(self, name: str, module: nn.Module) -> None:
        """Puts a module in another's place."""
        parent, _, last = name.rpartition(".")
        holder: Any = self.detector.get_submodule(parent)
        if isinstance(holder, nn.ModuleList):
            holder[int(last)] = module
        else:
            setattr(holder, last, module)

    def is_softmax(self, class_count: int) -> bool:
        """Whether its rows are C + 1, "no object" last, and not C.

        Raises:
            ValueError: If they are neither.
        """
        module = self.module
        if isinstance(module, QueryScores):
            return module.is_softmax
        if isinstance(module, QueryFeatures):
            return False
        if not isinstance(module, nn.Linear):
            raise ValueError(f"the class head is a {type(module).__name__}; a linear layer is expected")
        rows = len(module.weight)
        if rows not in (class_count, class_count + 1):
            raise ValueError(
                f"the class head has {rows} rows; there are {class_count} category ids: one for each label is expected, "
                "None for those that are no category, and none for “no object”"
            )
        return rows == class_count + 1

    def write_tensors(self, category_ids: ClassIDs) -> tuple[dict[str, Tensor], dict[str, str]]:
        """The head as tensors and metadata of a head file."""
        module = self.module
        if not isinstance(module, nn.Linear):
            raise ValueError("a head of `bags` was installed in the detector; it is in its own file already")
        ids = checked_ids(category_ids)
        is_softmax = self.is_softmax(len(ids))
        rows = [len(ids)] * is_softmax + order_of(ids)
        weight, bias = (tensor.detach().cpu().float()[rows] for tensor in (module.weight, module.bias))
        if self.quality:
            weight = torch.cat([weight, torch.ones(len(rows), 1)], 1)
        layout = "softmax" if is_softmax else "sigmoid"
        tensors = {"fc_cls.weight": weight.contiguous(), "fc_cls.bias": bias.contiguous()}
        return tensors, {"layout": layout, "method": layout}


class QueryScores(nn.Module):
    """Takes the place of a class head: logits [B, Q, K] from which the model's own post-processing gives the scores of
    `bags predict`."""

    def __init__(self, scorer: HeadScorer, is_softmax: bool) -> None:
        super().__init__()
        self.scorer = scorer
        self.is_softmax = is_softmax

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            refuse_training()
        scores = self.scorer(x.flatten(0, -2).float())
        logits = softmax_logits(scores) if self.is_softmax else scores.clamp(1e-30, 1 - 1e-7).logit()
        return logits.view(*x.shape[:-1], -1)


class QueryFeatures(nn.Module):
    """Takes the place of D-FINE's class head: hands the features on to `QualityScores`."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            refuse_training()
        return x


class QualityScores(QueryScores):
    """Takes the place of the module that adds a query's quality to its logits, which is a feature of the head here."""

    def __init__(self, scorer: HeadScorer, own: nn.Module) -> None:
        super().__init__(scorer, is_softmax=False)
        self.own = own

    def forward(self, x: Tensor, corners: Tensor | None = None) -> Tensor:
        quality = self.own(torch.zeros_like(x[..., :1]), corners)
        return super().forward(torch.cat([x, quality], -1))


def softmax_logits(scores: Tensor) -> Tensor:
    """Logits [N, C + 1] whose softmax has the best score of each row, and all of them where their sum is at most 1.

    The scores of groups may sum to more than 1, which no softmax does. DETR takes the best class of each query, so the
    others give way to it; what is left is for “no object”, the last.
    """
    best, place = scores.max(1, keepdim=True)
    rest = scores.sum(1, keepdim=True) - best
    room = (1 - best).clamp(min=0)
    shares = scores * torch.where(rest > room, room / rest.clamp(min=1e-30), torch.ones_like(rest))
    shares = shares.scatter(1, place, best)
    background = (1 - shares.sum(1, keepdim=True)).clamp(min=0)
    return torch.cat([shares, background], 1).clamp(min=1e-30).log()


def _detector_in(model: Any) -> Any:
    if not isinstance(model, nn.Module):
        raise TypeError(f"a {type(model).__name__} is no detector; give the model, a …ForObjectDetection of transformers")
    found = {name: module for name, module in model.named_modules() if _is_detector(module)}
    if not found:
        raise ValueError(f"the {type(model).__name__} is no query detector of transformers, and no module in it is one")
    if len(found) > 1:
        raise ValueError(f"{len(found)} modules of the {type(model).__name__} are detectors: {', '.join(found)}; give one")
    return next(iter(found.values()))


def _is_detector(module: nn.Module) -> bool:
    if not type(module).__name__.endswith("ForObjectDetection") or not hasattr(module, "config"):
        return False
    decoder = getattr(getattr(module, "model", None), "decoder", None)
    return any(hasattr(holder, name) for holder in (module, decoder) for name in ("class_labels_classifier", "class_embed"))
